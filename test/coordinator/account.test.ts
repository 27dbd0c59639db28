import { expect, it } from 'vitest';
import { accountOf } from '../../src/coordinator/account.js';
import { createCoordinatorMetrics } from '../../src/coordinator/metrics.js';
import { createRegistry } from '../../src/metrics/index.js';
import { facts } from './run-facts.js';

it('tells what did not go by the plan, in words, and nothing of a quiet run', async () => {
  const metrics = createCoordinatorMetrics(createRegistry(), facts, () => 0);
  expect(await accountOf(metrics, new Set(['w1']), 0)).toEqual({ workers: ['w1'], oddities: [] });
  metrics.redispatches.inc({ cause: 'death' }, 2);
  metrics.redispatches.inc({ cause: 'slow' });
  metrics.rejects.inc({ reason: 'duplicate' });
  metrics.expelled.inc();
  expect((await accountOf(metrics, new Set(), 2)).oddities).toEqual([
    '3 blocks were sent again (death 2, slow 1)',
    '1 result was not accepted (duplicate 1)',
    '1 worker was expelled',
    'the broker was away 2 times',
  ]);
});
