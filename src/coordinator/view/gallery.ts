import { channelsOf, type Pack } from '../../data/index.js';
import { createPlan, type Kernels, LANES } from '../../engine/index.js';
import type { PreparedRun } from '../prepare.js';
import type { GallerySample, Guess } from './run-view.js';

/** A few validation samples, the same ones after every epoch. */
export interface Gallery {
  samples: readonly GallerySample[];
  width: number;
  height: number;
  channels: number;
  /** With the engine and the kernels of the run. One group of lanes, once per epoch: less than a step's smallest block. */
  guess(parameters: Float32Array): Guess[];
}

/** As many as the lanes of one group, every class in turn. Null for a run without validation. */
export function openGallery(run: PreparedRun, pack: Pack, kernels: Kernels): Gallery | null {
  const { curriculum, model } = run;
  if (curriculum.validationSamples === 0) return null;
  const first = curriculum.samplesOf({ mode: 'evaluate', step: 0, pass: 1, node: 1 });
  const chosen = Uint32Array.from(choose(first, pack.labels, LANES));
  const { preprocessing, sampleBytes } = pack.manifest;
  const pixels = new Uint8Array(chosen.length * sampleBytes);
  const labels = new Uint8Array(chosen.length);
  pack.reader.read(chosen, pixels, labels);
  const channels = channelsOf(preprocessing);
  const { width, height, mean, std } = preprocessing;
  const plan = createPlan(model, kernels, { capacity: LANES, scaling: { channels, mean, std } });
  /** A copy: the trainer's own array goes on changing, and a plan likes to be given the same one again. */
  const kept = new Float32Array(model.parameterCount);
  const probabilities = new Float32Array(chosen.length * model.classes);
  return {
    width,
    height,
    channels,
    samples: Array.from(chosen, (index, i) => ({
      name: pack.names(index),
      pixels: pixels.slice(i * sampleBytes, (i + 1) * sampleBytes),
      truth: labels[i],
    })),
    guess(parameters) {
      kept.set(parameters);
      plan.predict(kept, pixels, chosen.length, probabilities);
      return Array.from(chosen, (_, i) => {
        const row = probabilities.subarray(i * model.classes, (i + 1) * model.classes);
        const confidence = Math.max(...row);
        return { digit: row.indexOf(confidence), confidence };
      });
    },
  };
}

/** The first of each class, then the second of each, until there are enough; in the order of the classes. */
export function choose(indices: Uint32Array, labels: Uint8Array, count: number): number[] {
  const byClass = new Map<number, number[]>();
  for (const index of indices) {
    const label = labels[index];
    byClass.set(label, [...(byClass.get(label) ?? []), index]);
  }
  const classes = [...byClass.keys()].toSorted((a, b) => a - b);
  const chosen: { label: number; index: number }[] = [];
  for (let turn = 0; chosen.length < Math.min(count, indices.length); turn++) {
    for (const label of classes) {
      const index = byClass.get(label)?.[turn];
      if (index !== undefined && chosen.length < count) chosen.push({ label, index });
    }
  }
  return chosen.toSorted((a, b) => a.label - b.label).map(({ index }) => index);
}
