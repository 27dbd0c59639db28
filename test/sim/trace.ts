import type { Action } from '../../src/coordinator/decide/actions.js';
import type { WorkerAction } from '../../src/worker/events.js';

/** One line of a timeline for what a coordinator does; null for what says nothing by itself. */
export function lineOfCoordinator(action: Action): string | null {
  const { type } = action;
  if (type === 'publish_task' || type === 'ask') {
    const to = type === 'ask' ? ` to ${action.worker}` : '';
    return `sends ${unitName(action)}${to} (attempt ${action.attempt + 1}, ${action.cause})`;
  }
  if (type === 'accept') return `folds ${unitName(action)}`;
  if (type === 'accept_empty') return `folds nothing for ${unitName(action)}`;
  if (type === 'reject') return `rejects a result of ${action.worker}: ${action.reason}`;
  if (type === 'apply_step') return `applies step ${action.step}`;
  if (type === 'record_epoch') return `records epoch ${action.epoch + 1}`;
  if (type === 'broadcast_weights') return `broadcasts weights ${action.version}`;
  if (type === 'send_weights') return `sends weights ${action.version} to ${action.worker}`;
  if (type === 'offer' || type === 'refuse') return `${type}s the run to ${action.worker}`;
  if (type === 'fold_range')
    return `asks ${action.reducer} for range ${action.range} of step ${action.step} (attempt ${action.attempt})`;
  if (type === 'take_range') return `takes range ${action.range} of step ${action.step}`;
  if (type === 'offer_range') return `offers range ${action.range} to ${action.reducer}`;
  if (type === 'forget') return `forgets ${unitName(action)}`;
  if (type === 'audited') return `audit of ${unitName(action.unit)}: ${action.outcome}`;
  if (type === 'purge_tasks') return 'empties the tasks queue';
  if (type === 'save_checkpoint') return 'saves a checkpoint';
  return type === 'announce' ? 'announces the run' : null;
}

/** The same for a worker. */
export function lineOfWorker(action: WorkerAction): string | null {
  const { type } = action;
  if (type === 'compute' || type === 'publish' || type === 'send_failure') {
    const { delivery, task } = action;
    const what = { compute: 'computes', publish: 'publishes', send_failure: 'reports the failure of' }[type];
    return `${what} #${delivery}: ${unitName(task)}, weights ${task.weightsVersion}, fence ${task.fence}`;
  }
  if (type === 'settle') return `${action.verdict}s #${action.delivery}`;
  if (type === 'abandon' || type === 'forget') return `${type}s #${action.delivery}`;
  if (type === 'keep_weights') return `keeps weights ${action.version}`;
  if (type === 'request_block') return `asks for data block ${action.block}`;
  return type === 'hello' || type === 'ready' || type === 'leave' || type === 'goodbye'
    ? `says ${type}`
    : null;
}

function unitName(unit: { mode: string; step: number; pass: number; node: number }): string {
  const pass = unit.mode === 'train' ? '' : ` of validation pass ${unit.pass}`;
  return `block ${unit.node}${pass} of step ${unit.step}`;
}
