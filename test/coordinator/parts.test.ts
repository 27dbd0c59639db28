import { describe, expect, it } from 'vitest';
import { createChronicle } from '../../src/coordinator/chronicle.js';
import { formatHistory } from '../../src/coordinator/history.js';
import { createOutbox } from '../../src/coordinator/outbox.js';
import { createPaceMeter } from '../../src/coordinator/pace-meter.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the outbox', () => {
  it('starts sends at once and in order, those behind a barrier after it', async () => {
    const done: string[] = [];
    const errors: unknown[] = [];
    const outbox = createOutbox((error) => errors.push(error));
    let open!: () => void;
    const say =
      (word: string): (() => Promise<void>) =>
      async () => {
        done.push(word);
      };
    outbox.send(say('a'));
    expect(done).toEqual(['a']);
    outbox.barrier(
      () =>
        new Promise((resolve) => {
          done.push('barrier');
          open = resolve;
        }),
    );
    outbox.send(say('b'));
    outbox.barrier(() => Promise.reject(new Error('purge failed')));
    outbox.send(say('c'));
    await settle();
    expect(done).toEqual(['a', 'barrier']);
    open();
    await settle();
    expect(done).toEqual(['a', 'barrier', 'b', 'c']);
    outbox.send(say('d'));
    expect(done).toEqual(['a', 'barrier', 'b', 'c', 'd']);
    expect(errors).toHaveLength(1);
  });
});

describe('the pace', () => {
  it('is that of the last seconds; what is left follows from this start', () => {
    let nowMs = 0;
    const pace = createPaceMeter(() => nowMs);
    expect(pace.imagesPerSecond()).toBe(0);
    expect(pace.etaSeconds(10)).toBeNull();
    for (let step = 0; step < 10_000; step++) {
      nowMs += step < 9_000 ? 10 : 100;
      pace.addStep(32);
    }
    expect(pace.imagesPerSecond()).toBeCloseTo(320, 0);
    expect(pace.etaSeconds(1_000)).toBeCloseTo(19, 0);
  });
});

describe('the chronicle', () => {
  it('sums steps into epochs, over several starts', () => {
    let nowMs = 1_000;
    const first = createChronicle(() => nowMs, null);
    first.startClock();
    nowMs += 2_000;
    first.addStep({ samples: 64, lossSum: 128, correct: 16 });
    const saved = {
      history: [...first.rows()],
      epochSums: first.epochSums(),
      lossTrend: first.trend(),
      epochSeconds: first.epochSeconds(),
      seconds: first.seconds(),
    };
    nowMs = 50_000;
    const second = createChronicle(() => nowMs, saved);
    nowMs += 10_000; // Waiting for workers is not training.
    second.startClock();
    nowMs += 1_000;
    second.addStep({ samples: 36, lossSum: 72, correct: 34 });
    const validation = { samples: 10, lossSum: 5, correct: 9 };
    const row = second.recordEpoch({ step: 2, learningRate: 0.5, validation });
    expect(row).toEqual({
      epoch: 1,
      step: 2,
      learningRate: 0.5,
      trainLoss: 2,
      trainAccuracy: 0.5,
      validationLoss: 0.5,
      validationAccuracy: 0.9,
      seconds: 3,
      imagesPerSecond: 100 / 3,
    });
    expect(second.seconds()).toBe(3);
    expect(second.epochSums()).toEqual({ samples: 0, lossSum: 0, correct: 0 });
    expect(formatHistory(second.rows())).toBe(
      'epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,images_per_second\n1,2,0.5,2,0.5,0.5,0.9,3.000,33.3\n',
    );
  });
});
