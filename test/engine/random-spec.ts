import { buildModel, createRandom, type LayerSpec, type Model, SpecError } from '../../src/engine/index.js';

/** A model of any layers in any order that fit, by seed: convolutions and poolings first, then linear layers. */
export function randomModel(seed: number): Model {
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
    if (random.below(4) === 0) return { type: 'avgpool2d', size: between(1, 3), stride: between(1, 3) };
    const kernel = between(1, 4);
    const sizes = { kernel, stride: between(1, 2), padding: random.below(kernel) };
    return { type: 'conv2d', filters: between(1, 7), ...sizes };
  };
  const flat = (): LayerSpec =>
    random.below(2) === 0 ? elementwise() : { type: 'linear', units: between(2, 40) };
  const input: [number, number, number] = [between(1, 3), between(5, 14), between(5, 14)];
  for (;;) {
    const layers: LayerSpec[] = [
      ...Array.from({ length: between(0, 7) }, spatial),
      { type: random.below(4) === 0 ? 'global_avgpool2d' : 'flatten' },
      ...Array.from({ length: between(0, 5) }, flat),
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
