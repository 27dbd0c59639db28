import { expect, it } from 'vitest';
import { runReport } from '../../src/cli/run-report.js';
import type { RunSummary } from '../../src/coordinator/index.js';

const summary: RunSummary = {
  outcome: 'finished',
  run: 'run-1',
  modelPath: 'runs/one/model.safetensors',
  modelSha256: 'abc',
  steps: 336,
  epochs: 16,
  trainLoss: 0.00123,
  validationAccuracy: 0.98,
  best: { epoch: 12, validationAccuracy: 0.985 },
  modelEpoch: null,
  delay: 0,
  staleness: null,
  reproducible: true,
  account: { workers: ['w1', 'w2'], oddities: ['3 blocks were sent again (death 2, slow 1)'] },
  imagesPerSecond: 1388.4,
  seconds: 26,
};
const o = { outDir: 'runs/one', dataDir: 'demo', resumeCommand: 'onko train --resume' };

it('says what came out, what happened, where everything is and what to do next', () => {
  expect(runReport(summary, o)).toBe(`Trained 16 epochs, 336 steps in 0:26, 1388 images/s.
  validation accuracy 98.00 % at the end, best 98.50 % after epoch 12
  training   loss 0.0012
  model      runs/one/model.safetensors
  sha256     abc
  history    runs/one/history.csv
  curves     runs/one/curves.png
  workers    2 (w1, w2)
  incidents  3 blocks were sent again (death 2, slow 1)
Evaluate it on a folder that it has not seen, like
  cnn-infer demo/testing-a --eval --report report.html`);
});

it('says of what algorithm a run with a delay is', () => {
  expect(runReport({ ...summary, delay: 1 }, o)).toContain(
    '  delay      gradients 1 step late, another algorithm than without\n',
  );
  expect(runReport(summary, o)).not.toContain('late');
});

it('says that the bits of an asynchronous run depend on more than its spec', () => {
  expect(runReport({ ...summary, staleness: 8 }, o)).toContain(
    '  async      gradients up to 8 updates late; not bit-identical: depends on the order of arrival\n',
  );
});

it('says whether another run of the same would have other bits', () => {
  expect(runReport({ ...summary, reproducible: false }, o)).toContain(
    '  bits       depend on the cluster: the same spec and data give another sha256\n',
  );
  expect(runReport(summary, o)).not.toContain('bits');
});

it('says how to go on with a run that was stopped, and nothing that is not known', () => {
  const stopped = {
    ...summary,
    outcome: 'stopped' as const,
    validationAccuracy: null,
    best: null,
    account: null,
  };
  const text = runReport({ ...stopped, epochs: 1, steps: 1 }, o);
  expect(text).toMatch(/^Stopped after 1 epoch, 1 step in 0:26/);
  expect(text).toContain('not validated');
  expect(text).not.toMatch(/workers|incidents/);
  expect(text).toMatch(/Go on with {2}onko train --resume$/);
  expect(runReport({ ...stopped, steps: 0 }, o)).toContain('before the first step');
});
