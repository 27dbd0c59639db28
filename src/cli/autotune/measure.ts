import {
  buildModel,
  createOptimizer,
  createPlan,
  initialParameters,
  type Kernels,
  type ModelSpec,
  type OptimizerSpec,
} from '../../engine/index.js';

/** Images per measured gradient: as many as the smallest microshards of the usual sizes hold, twice. */
const images = 32;
/** Of a measurement: a little more than this is spent on it. */
const enoughMs = 150;
const atLeast = 3;

export interface EnginePace {
  /** Milliseconds for the gradient of one image, on one thread. */
  imageMs: number;
  /** Milliseconds for adding one gradient to another. */
  addMs: number;
  /** Milliseconds for one update of the optimizer. */
  updateMs: number;
}

/** Takes the time of the engine with this model: half a second of work on made-up images. */
export function measureEngine(
  spec: ModelSpec,
  optimizerSpec: OptimizerSpec,
  kernels: Kernels,
  now: () => number,
): EnginePace {
  const model = buildModel(spec);
  const { height, width } = model.input;
  const plan = createPlan(model, kernels, { capacity: images, scaling: { channels: 1, mean: 0, std: 1 } });
  const pixels = Uint8Array.from({ length: images * height * width }, (_, i) => (i * 97) % 251);
  const batch = { pixels, labels: new Uint8Array(images), count: images };
  const parameters = initialParameters(model, 1);
  const gradient = new Float32Array(model.parameterCount);
  const gradientMs = shortest(now, () =>
    plan.gradient(parameters, batch, { seed: 1, step: 0, microshard: 0 }, gradient),
  );
  const optimizer = createOptimizer(optimizerSpec, kernels);
  const state = optimizer.init(model.learntCount);
  const other = gradient.slice();
  const learnt = (values: Float32Array): Float32Array => values.subarray(0, model.learntCount);
  const addMs = shortest(now, () => kernels.add(other, gradient));
  const updateMs = shortest(now, () => optimizer.update(learnt(parameters), learnt(gradient), state, 1e-9));
  return { imageMs: gradientMs / images, addMs, updateMs };
}

/** Milliseconds of the fastest of several calls: what else the machine does makes others slower. */
function shortest(now: () => number, call: () => void): number {
  call();
  const beganMs = now();
  let least = Number.POSITIVE_INFINITY;
  for (let calls = 0; calls < atLeast || now() - beganMs < enoughMs; calls++) {
    const startMs = now();
    call();
    least = Math.min(least, now() - startMs);
  }
  return least;
}
