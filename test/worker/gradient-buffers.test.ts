import { expect, it } from 'vitest';
import { createGradientBuffers, createGradientSource } from '../../src/worker/gradient-buffers.js';

it('keeps the gradients of a step until the step after the next one begins', () => {
  const buffers = createGradientBuffers(2, 0);
  const first = buffers.take(7).fill(1);
  const second = buffers.take(7).fill(2);
  const next = buffers.take(8).fill(3);
  expect([[...first], [...second], [...next]]).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  // Step 9 can only be there once step 8 is over.
  expect([first, second]).toContain(buffers.take(9));
  expect([first, second]).toContain(buffers.take(9));
  expect([first, second, next]).not.toContain(buffers.take(9));
});

it('takes no memory for a task of an old step that comes once more', () => {
  const buffers = createGradientBuffers(1, 0);
  const newest = buffers.take(20).fill(5);
  buffers.take(19).fill(0);
  buffers.take(3).fill(0);
  expect([...newest]).toEqual([5]);
});

it('needs no more of them, however long the run', () => {
  const buffers = createGradientBuffers(1, 0);
  for (let step = 0; step < 1000; step++) for (let block = 0; block < 4; block++) buffers.take(step);
  expect(buffers.count).toBe(8);
});

it('keeps them longer where steps overlap: twins of the steps in flight may still be compared', () => {
  const buffers = createGradientBuffers(1, 1);
  const first = buffers.take(7).fill(1);
  // A task of step 10 tells that step 8 is over; with it, twins of step 7 are known.
  for (const step of [8, 9, 10]) buffers.take(step).fill(0);
  expect([...first]).toEqual([1]);
  expect(buffers.take(11)).toBe(first);
});

it('goes by the blocks of the thread where steps come in no order', () => {
  const gradientFor = createGradientSource(1, { newestWeights: true, threads: 1, staleness: 0 });
  const first = gradientFor(2).fill(1);
  // Of steps that would say that step 2 is long over.
  for (const step of [300, 301, 4]) gradientFor(step).fill(0);
  expect([...first]).toEqual([1]);
  expect(gradientFor(302)).toBe(first);
});
