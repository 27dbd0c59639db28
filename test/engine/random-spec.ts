import { buildModel, createRandom, type LayerSpec, type Model, SpecError } from '../../src/engine/index.js';

/**
 * A model of any layers in any order that fit, by seed: convolutions and poolings first, then linear layers.
 *
 * @param deep also with skip connections and normalisation: of such models one rounding may grow
 */
export function randomModel(seed: number, deep = true): Model {
  const random = createRandom(seed, 4711);
  const between = (least: number, most: number): number => least + random.below(most - least + 1);
  const elementwise = (): LayerSpec => {
    const kinds: LayerSpec[] = [
      { type: 'relu' },
      { type: 'tanh' },
      { type: 'leaky_relu' },
      { type: 'sigmoid' },
      { type: 'dropout', rate: 0.3 },
    ];
    return kinds[random.below(kinds.length)];
  };
  const spatial = (): LayerSpec => {
    if (random.below(3) === 0) return elementwise();
    if (random.below(3) === 0) return { type: 'maxpool2d', size: between(1, 3), stride: between(1, 3) };
    if (deep && random.below(5) === 0) return { type: 'batchnorm2d' };
    if (random.below(4) === 0) return { type: 'avgpool2d', size: between(1, 3), stride: between(1, 3) };
    const kernel = between(1, 4);
    const sizes = { kernel, stride: between(1, 2), padding: random.below(kernel) };
    if (random.below(4) === 0) return { type: 'depthwise_conv2d', ...sizes };
    return { type: 'conv2d', filters: between(1, 7), ...sizes };
  };
  const flat = (): LayerSpec =>
    deep && random.below(5) === 0
      ? { type: 'batchnorm2d' }
      : random.below(2) === 0
        ? elementwise()
        : { type: 'linear', units: between(2, 40) };
  let names = 0;
  /** Layers that leave the shape as it is, and the output of the first added to the last's, and perhaps to another's. */
  const residual = (layers: LayerSpec[]): LayerSpec[] => {
    const name = `output-${names++}`;
    const [first, ...rest] = layers;
    const add: LayerSpec = { type: 'add', from: name };
    const inner = random.below(2 * rest.length + 1);
    return [{ ...first, name }, ...rest.toSpliced(inner, 0, ...(inner < rest.length ? [add] : [])), add];
  };
  const block = (): LayerSpec[] => {
    if (!deep || random.below(3) > 0) return [spatial()];
    const conv: LayerSpec = { type: 'conv2d', filters: between(1, 7), kernel: 3, padding: 1 };
    const more = Array.from({ length: random.below(4) }, () =>
      random.below(2) === 0 ? conv : elementwise(),
    );
    return residual([conv, ...more]);
  };
  const flatBlock = (): LayerSpec[] =>
    !deep || random.below(4) > 0 ? [flat()] : residual(Array.from({ length: between(1, 4) }, elementwise));
  const input: [number, number, number] = [between(1, 3), between(5, 14), between(5, 14)];
  for (;;) {
    const layers: LayerSpec[] = [
      ...Array.from({ length: between(0, 7) }, block).flat(),
      { type: random.below(4) === 0 ? 'global_avgpool2d' : 'flatten' },
      ...Array.from({ length: between(0, 5) }, flatBlock).flat(),
      { type: 'linear', units: between(2, 12) },
      { type: 'softmax' },
    ];
    try {
      return buildModel({ name: `random-${seed}`, input, layers });
    } catch (error) {
      // A window that outgrew its image: draw again.
      if (!(error instanceof SpecError)) throw error;
    }
  }
}
