import { isAsynchronous } from '../../src/coordinator/decide/staleness.js';
import type { CoordinatorState } from '../../src/coordinator/decide/state.js';
import { decodeTask, decodeToCoordinator } from '../../src/protocol/index.js';
import type { BrokerMessage } from './broker.js';

export const blockName = (fence: number, step: number, pass: number, node: number): string =>
  `${fence}/${step}/${pass}/${node}`;

/** What workers have handed in, results and failures, and whether they may ack a task. */
export class HandedIn {
  readonly #blocks = new Set<string>();

  /** A queue has taken a message. */
  enqueued(message: BrokerMessage): void {
    const { type } = message.properties;
    if (type !== 'result' && type !== 'task_failed') return;
    const said = decodeToCoordinator(message.content);
    if (said.type !== 'result' && said.type !== 'task_failed') return;
    const { fence, step, pass, node, worker } = said;
    this.#blocks.add(`${worker}/${blockName(fence, step, pass, node)}`);
  }

  /**
   * A worker has acked a task. Null, or what is wrong with that: somebody waits for the block, and nothing of it was handed in.
   *
   * @param hasTwin whether it has another delivery of the same block in hand
   */
  acked(
    message: BrokerMessage,
    worker: string,
    state: CoordinatorState,
    hasTwin: (name: string) => boolean,
  ): string | null {
    const { fence, step, pass, node, mode, weightsVersion } = decodeTask(message.content);
    const { plan, fronts, phase } = state;
    // What a run that is over has sent out is void: whoever goes on with it has a higher fence.
    if (phase === 'ending' || phase === 'ended') return null;
    const front = fronts.find((one) => one.step === step && one.mode === mode);
    const unit = front?.units.find((one) => one.pass === pass && one.node === node);
    const isVoid =
      fence !== plan.fence ||
      front === undefined ||
      (weightsVersion !== front.weightsVersion && !isAsynchronous(plan, mode)) ||
      unit === undefined ||
      unit.accepted !== null;
    const name = blockName(fence, step, pass, node);
    if (isVoid || this.#blocks.has(`${worker}/${name}`) || hasTwin(name)) return null;
    return `${worker} acks block ${node} of step ${step} (fence ${fence}) without its result`;
  }
}
