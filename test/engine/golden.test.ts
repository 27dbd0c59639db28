import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  buildModel,
  createPlan,
  type Model,
  type ModelSpec,
  scaleGradient,
  updateStatistics,
} from '../../src/engine/index.js';
import { bytes, classesOf, mix, relativeError } from './numbers.js';

interface Golden {
  spec: ModelSpec;
  samples: number;
  /** Of the bytes; one fills every channel of the input. */
  channels: 1 | 3;
  mean: number;
  std: number;
  lossSum: number;
  correct: number;
  probabilities: number[];
  /** Running statistics after one step over all samples. */
  statistics?: Record<string, number[]>;
  gradients: Record<string, { length: number; sum: number; norm: number; at: number[]; values: number[] }>;
}

/**
 * PyTorch computed these in doubles; a backend stores singles between layers. Bounds are relative: to the loss, to the
 * largest probability, to a gradient tensor's largest sampled value or its norm.
 */
const tolerance = 5e-6;

/**
 * SHA-256 of (gradient, probabilities) over the golden input: the bits that a numerics id promises. A backend whose bits change
 * needs a new id, since a cluster in exact mode trusts it.
 */
const promisedBits: Record<string, Record<string, string>> = {
  'reference-f64-2': {
    lenet: 'd4ff8570a779f495ba9625dba6659e78b0adbcea3b9a76204094cb7b1fe1982c',
    odd: 'ab113a2027af894b455807a04c349c1667747797875d0ce15ca62d98379f5f6c',
    wide: '71bc0bfd363c2ca615dc0ebb6f3f278d4be5c076fc84a1fbc2194326cd1d88ca',
    'lenet-on-grey': '86a598186681c1c207ed39a461918eff456f4a9f682a74115ae0735311648373',
    'odd-on-grey': 'def300b043af168601ea24addeeb00aed44f8f73d152ad72cd7d776e19aa7487',
    modern: '443fdb4b6ae1a4a30a93f13d478c6f7f451ee322b3a7b3c0ec8c8fbb9efc6eeb',
    depthwise: 'e5987fefb8e16aa3ea5f78faf27185451b764bca88770bc0a3ba16128a0cca74',
  },
  'native-f32-2': {
    lenet: 'd4ad27204142550dd0bdda78a3bda220be1d4e40fae1a55e44132213893c6c1e',
    odd: '61f8aabcd7f3e4bb3f18f80a07cca761113670058db7737647877b76ca64023a',
    wide: '928a44df74db30d2769f0e864a9dfed508e94be94cd64d0e7de805b5d11b7efd',
    'lenet-on-grey': 'bb576cf2452443cd5672ba3ccd0534433d3c5f90a64412a026295f7f34e2690b',
    'odd-on-grey': 'b884c5008d5a00d6beec55befac04b82d48725c10c9feb67765fdd152b5afc32',
    modern: '54bd9b69de57952ef0d3833b0b6c686ee698341284a37f9095df33e0f61dacf8',
    depthwise: '105aef6a6e1b5ac17f30aa163d862f53601cedea9aad4610ecf0aa782c6ad1c2',
  },
  'wasm-f32-2': {
    lenet: 'c818be36db6a940b5512d673f9c4fffca62cbdef21eed7c7ff443f04f7155b49',
    odd: '1c960658a24bbb2624eb38259a49ae5821a75b6e7a4409a2871e2647487b9a70',
    wide: '9262dc482f306f93fd6dbe18f8e16a1f77ad812acf58284b17c164b703cd3900',
    'lenet-on-grey': '015a7d2aadae09fe2f75f84fda95b6a28f8bfbcb0d5f43b809696e12ccaebaf3',
    'odd-on-grey': '2258cc6a605f27e3403fd4a7e9887b85f936cc366308f4d02a6b03305e150d86',
    modern: '2f38a24baccf4ae5fb7af7d38e9f292dc008d9b57be2104160dd03133126842d',
    depthwise: '7abdee691199200c583f722196969ccb357dacadcb5e0f6e55a776b505437554',
  },
};

function load(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`../fixtures/engine/golden-${name}.json`, import.meta.url), 'utf8'));
}

/**
 * The parameters of make_golden.py: its sequence from 1,000,000 on, weights within ±√(6/fanIn), of normalisations within 1 ± 0.5,
 * running variances within 1 ± 0.1, everything else within ±0.1.
 */
function goldenParameters(model: Model): Float32Array {
  const parameters = new Float32Array(model.parameterCount);
  for (const { role, start, fanIn, offset, length } of model.parameters) {
    const drawn = start === undefined ? Math.sqrt(6 / fanIn) : 0.5;
    const bound = role === 'weight' ? drawn : 0.1;
    for (let i = offset; i < offset + length; i++) {
      parameters[i] = (start ?? 0) + (mix(1_000_000 + i) / 2 ** 31 - 1) * bound;
    }
  }
  return parameters;
}

describe.each([...availableKernels.values()])('kernels $name against PyTorch', (kernels) => {
  test.each(Object.keys(promisedBits['reference-f64-2'] ?? {}))(
    '%s: probabilities, loss, gradient',
    (name) => {
      const golden = load(name);
      const model = buildModel(golden.spec);
      const { samples, channels, mean, std } = golden;
      const plan = createPlan(model, kernels, { capacity: 48, scaling: { channels, mean, std } });
      const parameters = goldenParameters(model);
      const { height, width } = model.input;
      const batch = {
        pixels: bytes(0, samples * channels * height * width),
        labels: classesOf(7_000_000, samples, 10),
        count: samples,
      };

      const probabilities = new Float32Array(samples * 10);
      plan.predict(parameters, batch.pixels, samples, probabilities);
      expect(relativeError(probabilities, golden.probabilities)).toBeLessThan(tolerance);

      const gradient = new Float32Array(model.parameterCount);
      const tally = plan.gradient(parameters, batch, { seed: 0, step: 0, microshard: 0 }, gradient);
      expect(tally.samples).toBe(samples);
      expect(tally.correct).toBe(golden.correct);
      expect(Math.abs(tally.lossSum / golden.lossSum - 1)).toBeLessThan(tolerance);
      const learnt = model.parameters.filter(({ offset }) => offset < model.learntCount);
      expect(learnt.map((p) => p.name)).toEqual(Object.keys(golden.gradients));
      const largest = Math.max(...Object.values(golden.gradients).map(({ norm }) => norm));
      for (const { name: tensor, offset, length } of learnt) {
        const expected = golden.gradients[tensor];
        const found = gradient.subarray(offset, offset + length);
        expect(length).toBe(expected.length);
        if (expected.norm < 1e-9 * largest) {
          // A bias that a normalisation takes out again: what is left is rounding.
          expect(tensor).toMatch(/bias$/);
          for (const slope of found) expect(Math.abs(slope)).toBeLessThan(tolerance * largest);
          continue;
        }
        expect(
          relativeError(
            expected.at.map((i) => found[i]),
            expected.values,
          ),
        ).toBeLessThan(tolerance);
        const norm = Math.sqrt(found.reduce((sum, v) => sum + v * v, 0));
        const sum = found.reduce((total, v) => total + v, 0);
        expect(Math.abs(norm / expected.norm - 1)).toBeLessThan(tolerance);
        expect(Math.abs(sum - expected.sum)).toBeLessThan(tolerance * expected.norm * Math.sqrt(length));
      }

      const bits = createHash('sha256').update(gradient).update(probabilities).digest('hex');
      scaleGradient(gradient, 1 / samples);
      const moved = parameters.slice();
      updateStatistics(model.statistics, moved, gradient, samples);
      const measured = model.parameters.filter(({ offset }) => offset >= model.learntCount);
      expect(measured.map((p) => p.name).toSorted()).toEqual(Object.keys(golden.statistics ?? {}).toSorted());
      for (const { name: tensor, offset, length } of measured) {
        const expected = golden.statistics?.[tensor] ?? [];
        expect(relativeError(moved.subarray(offset, offset + length), expected)).toBeLessThan(tolerance);
      }

      expect(bits).toBe(promisedBits[kernels.numericsId]?.[name]);
    },
  );
});
