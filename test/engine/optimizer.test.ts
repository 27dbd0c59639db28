import { describe, expect, test } from 'vitest';
import { createOptimizer, createRandom, parseOptimizerSpec, SpecError } from '../../src/engine/index.js';
import { golden } from './optimizer-golden.js';

describe('against PyTorch', () => {
  test.each(golden.optimizers.map(({ spec, after }) => [JSON.stringify(spec), spec, after] as const))(
    '%s',
    (_name, spec, after) => {
      const optimizer = createOptimizer(spec);
      const parameters = new Float32Array(golden.start);
      const state = optimizer.init(parameters.length);
      for (const [step, expected] of after.entries()) {
        const gradient = new Float32Array(golden.gradients[step]);
        optimizer.update(parameters, gradient, state, golden.learningRates[step]);
        for (const [i, value] of expected.entries()) {
          // PyTorch ran in double: one float rounding per step and slot is all that may differ.
          const allowed = 2 ** -24 * (step + 2) * Math.max(1, Math.abs(value));
          expect(Math.abs(parameters[i] - value), `step ${step}, parameter ${i}`).toBeLessThan(allowed);
        }
      }
      expect(state.updates).toBe(after.length);
    },
  );
});

test('the gradient is only read', () => {
  for (const spec of ['sgd', 'adam', 'adamw'].map(parseOptimizerSpec)) {
    const optimizer = createOptimizer({ ...spec, weightDecay: 0.1 });
    const gradient = new Float32Array([1, -2]);
    optimizer.update(new Float32Array([3, 4]), gradient, optimizer.init(2), 0.1);
    expect([...gradient]).toEqual([1, -2]);
  }
});

test.each([{ type: 'sgd', momentum: 0.9, nesterov: true } as const, { type: 'adamw' } as const])(
  '$type: a state that was copied out and in goes on with the same bits',
  (spec) => {
    const seed = 3;
    const run = (interruptedAt: number | null): Float32Array => {
      const random = createRandom(seed);
      const parameters = Float32Array.from({ length: 33 }, () => random.normal());
      let optimizer = createOptimizer(spec);
      let state = optimizer.init(33);
      for (let step = 0; step < 20; step++) {
        if (step === interruptedAt) {
          optimizer = createOptimizer(optimizer.spec);
          state = structuredClone(state);
        }
        const gradient = Float32Array.from({ length: 33 }, () => random.normal());
        optimizer.update(parameters, gradient, state, 0.01);
      }
      return parameters;
    };
    expect(run(11), `seed ${seed}`).toEqual(run(null));
  },
);

test('slots: none without momentum, one velocity with, two moments for Adam', () => {
  expect(createOptimizer({ type: 'sgd' }).init(4)).toEqual({ updates: 0, scalars: {}, slots: {} });
  expect(createOptimizer({ type: 'sgd', momentum: 0.5 }).init(4).slots).toEqual({
    velocity: new Float32Array(4),
  });
  expect(Object.keys(createOptimizer({ type: 'adam' }).init(4).slots)).toEqual([
    'firstMoment',
    'secondMoment',
  ]);
});

describe('misuse', () => {
  test('lengths that differ', () => {
    const optimizer = createOptimizer({ type: 'adam' });
    const update = (parameters: number, gradient: number, slots: number) =>
      optimizer.update(new Float32Array(parameters), new Float32Array(gradient), optimizer.init(slots), 0.1);
    expect(() => update(4, 3, 4)).toThrow('a gradient of 4 values, as many as parameters; found 3');
    expect(() => update(4, 4, 3)).toThrow('state "firstMoment" of 4 values, found 3 values');
  });

  test("another optimizer's state", () => {
    const state = createOptimizer({ type: 'sgd' }).init(2);
    const adam = createOptimizer({ type: 'adam' });
    expect(() => adam.update(new Float32Array(2), new Float32Array(2), state, 0.1)).toThrow('"firstMoment"');
    expect(state.updates).toBe(0);
  });
});

describe('parsing', () => {
  test('a name alone, and every default filled in', () => {
    expect(parseOptimizerSpec('sgd')).toEqual({ type: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 });
    expect(parseOptimizerSpec('adam')).toEqual({
      type: 'adam',
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
    });
    expect(parseOptimizerSpec('adamw')).toMatchObject({ type: 'adamw', weightDecay: 0.01 });
    expect(parseOptimizerSpec({ type: 'adamw', beta1: 0.8 })).toMatchObject({ beta1: 0.8, beta2: 0.999 });
    expect(createOptimizer({ type: 'adamw' }).spec).toEqual(parseOptimizerSpec('adamw'));
  });

  test.each<[unknown, string]>([
    ['adagrad', 'The optimizer is not known: expected a type of sgd, adam, adamw; found "adagrad".'],
    [null, 'expected a type of sgd, adam, adamw; found null.'],
    [{}, 'expected a type of sgd, adam, adamw; found {}.'],
    ['toString', 'found "toString".'],
    [[], 'found [].'],
    [{ type: 'sgd', beta1: 0.9 }, 'The optimizer "sgd" is not valid: unknown key "beta1".'],
    [{ type: 'sgd', momentum: 1 }, 'The optimizer "sgd" is not valid at "momentum"'],
    [{ type: 'sgd', momentum: '0.9' }, 'found "0.9".'],
    [{ type: 'sgd', nesterov: true }, 'needs a momentum above 0; found true.'],
    [{ type: 'adam', epsilon: 0 }, 'at "epsilon"'],
    [{ type: 'adam', beta2: Number.NaN }, 'found NaN.'],
  ])('refuses %j', (json, message) => {
    expect(() => parseOptimizerSpec(json)).toThrow(SpecError);
    expect(() => parseOptimizerSpec(json)).toThrow(message);
  });
});
