import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { dashboards, fileOf } from '../../deploy/grafana/src/index.js';
import { createRabbitTransport } from '../../src/transport/index.js';
import { type DashboardFile, metricsIn, panelQuestions } from '../deploy/dashboard-queries.js';
import { startContainer } from '../support/container-broker.js';
import { expectDone } from '../support/expect-done.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { quietRun } from '../support/fault-scenes.js';
import type { PrivateBroker } from '../support/private-broker.js';
import { endPrograms } from '../support/start-program.js';
import { transportConformance } from '../transport/conformance.js';
import { rabbitConformanceBroker } from '../transport/rabbitmq-stage.js';

describe.each(inject('images').rabbitmq)('%s', (image) => {
  let broker: PrivateBroker;
  let vhosts = 0;

  beforeAll(async () => {
    broker = await startContainer(undefined, image);
    const version = await broker.evaluate('rabbit_misc:version()');
    console.log(`${image}: RabbitMQ ${version}`);
  });
  afterAll(() => broker?.stop());

  transportConformance('rabbitmq', async () => {
    const name = `test-${vhosts++}`;
    await broker.addVhost(name);
    return rabbitConformanceBroker({
      url: `${broker.url}/${name}`,
      dispose: () => broker.deleteVhost(name),
    });
  });

  it('has every metric that a dashboard asks it for', async () => {
    const named = Object.entries(dashboards).flatMap(([file, build]) => {
      const dashboard: DashboardFile = JSON.parse(fileOf(build()));
      return panelQuestions(file, dashboard).flatMap(({ expr }) => metricsIn(expr));
    });
    const wanted = [...new Set(named)].filter((name) => name.startsWith('rabbitmq_'));
    expect(wanted.length).toBeGreaterThan(8);
    // Figures of queues are there when there is a queue, and the broker has counted.
    const transport = await createRabbitTransport({ url: broker.url });
    await transport.openWorker({ worker: 'counted' });
    const missing = async (): Promise<string[]> => {
      const paths = ['metrics', 'metrics/detailed?family=queue_coarse_metrics'];
      const pages = await Promise.all(
        paths.map(async (path) => (await fetch(`http://${broker.metricsPlace}/${path}`)).text()),
      );
      const present = pages.flatMap((page) => [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
      return wanted.filter((name) => !present.includes(name));
    };
    await vi.waitFor(async () => expect(await missing()).toEqual([]), { timeout: 60_000, interval: 500 });
    await transport.close();
  });

  describe('a training run', () => {
    let runs: FaultRuns;
    beforeAll(async () => {
      runs = await openFaultRuns(broker.url);
    });
    afterEach(endPrograms);
    afterAll(() => runs?.dispose());

    it('has the same bits when the broker is restarted in the middle of it', async () => {
      const quiet = await quietRun(runs, 'runs/quiet');

      const worker = await runs.worker('patient', ['--once']);
      const coordinator = await runs.coordinator('runs/restarted');
      await coordinator.reaches(3);
      // So that the run is not over before the broker is.
      worker.kill('SIGSTOP');
      const restarted = broker.restart(2_000);
      await coordinator.says(/The connection to the broker is lost/);
      worker.kill('SIGCONT');
      await restarted;
      await expectDone(coordinator, worker);
      for (const side of [coordinator, worker])
        expect(side.output()).toMatch(/Connected to RabbitMQ .* again/);
      expect(await runs.modelSha256('runs/restarted')).toBe(quiet);
    });
  });
});
