import type { Pack } from '../../src/data/index.js';
import { buildModel, initialParameters } from '../../src/engine/index.js';
import {
  asBytes,
  type BlockRequest,
  type BlockResponse,
  type Hello,
  type RunOffer,
  type Task,
  type ToCoordinator,
} from '../../src/protocol/index.js';
import type { CoordinatorLink, Transport, Verdict } from '../../src/transport/index.js';
import { smallSpec } from '../support/small-run.js';

export const spec = smallSpec();
export const model = buildModel(spec.model);
export const parameters = initialParameters(model, spec.seed);

/** A coordinator that does only what the test says, and remembers what the worker said. */
export class Conductor {
  readonly run = 'r1';
  readonly said: ToCoordinator[] = [];
  /** What a request for a block is answered with; the true block unless a test says otherwise. */
  answer: (request: BlockRequest) => Promise<Partial<BlockResponse> | null> = async () => ({});
  readonly #link: CoordinatorLink;
  readonly #pack: Pack;
  #waiting: (() => void)[] = [];

  private constructor(link: CoordinatorLink, pack: Pack) {
    this.#link = link;
    this.#pack = pack;
  }

  static async open(transport: Transport, pack: Pack): Promise<Conductor> {
    const link = await transport.openCoordinator({ run: 'r1', fence: 1 });
    const conductor = new Conductor(link, pack);
    await link.receive(async (message): Promise<Verdict> => {
      conductor.said.push(message);
      if (message.type === 'block_request') await conductor.#serve(message);
      for (const wake of conductor.#waiting.splice(0)) wake();
      return 'ack';
    });
    await link.announce();
    return conductor;
  }

  /** The `count`-th message of a type, as soon as it has come. */
  async heard<T extends ToCoordinator['type']>(
    type: T,
    count = 1,
  ): Promise<Extract<ToCoordinator, { type: T }>> {
    for (;;) {
      const found = this.said.filter(
        (message): message is Extract<ToCoordinator, { type: T }> => message.type === type,
      );
      const message = found[count - 1];
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
  }

  async offer(changes: Partial<RunOffer> = {}): Promise<Hello> {
    const hello = await this.heard('hello');
    await this.#link.send(hello.worker, {
      type: 'offer',
      run: this.run,
      fence: 1,
      seed: spec.seed,
      microshards: spec.microshards,
      microshardSamples: spec.batch / spec.microshards,
      numericsId: hello.numericsId,
      modelSpecJson: JSON.stringify(spec.model),
      manifestJson: JSON.stringify(this.#pack.manifest),
      parameterCount: model.parameterCount,
      heartbeatMs: 100,
      coordinatorVersion: hello.version,
      augmentationJson: '',
      lossJson: '',
      localTrainingJson: '',
      gradientEncoding: 'f32',
      gradientsKept: 0,
      staleness: 0,
      newestWeights: false,
      reducers: 0,
      ...changes,
    });
    return hello;
  }

  /** Offers the run, waits until the worker is ready, sends weights. */
  async start(): Promise<void> {
    await this.offer();
    await this.heard('ready');
    await this.weights(0);
  }

  async weights(version: number): Promise<void> {
    const { run } = this;
    await this.#link.broadcastWeights({
      type: 'weights',
      run,
      fence: 1,
      version,
      encoding: 'f32',
      parameters: asBytes(parameters),
    });
  }

  async task(changes: Partial<Task> = {}): Promise<Task> {
    const task: Task = {
      type: 'task',
      run: this.run,
      fence: 1,
      step: 0,
      pass: 0,
      weightsVersion: 0,
      node: spec.microshards,
      mode: 'train',
      samples: Uint32Array.from({ length: 16 }, (_, i) => i * 40),
      attempt: 0,
      evaluationSamples: spec.batch / spec.microshards,
      epoch: 0,
      nextSamples: new Uint32Array(0),
      ...changes,
    };
    await this.#link.publishTask(task);
    return task;
  }

  async end(): Promise<void> {
    const { run } = this;
    await this.#link.broadcast({ type: 'end_of_run', run, fence: 1, outcome: 'finished', reason: '' });
  }

  async #serve(request: BlockRequest): Promise<void> {
    const { run, block, hash, worker } = request;
    const changes = await this.answer(request);
    if (changes === null) return;
    const bytes = await this.#pack.readBlock(block);
    await this.#link.send(worker, { type: 'block_response', run, block, hash, bytes, error: '', ...changes });
  }
}
