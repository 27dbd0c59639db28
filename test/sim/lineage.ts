/**
 * Which steps are in which parameters, over all coordinators of a run. Asynchronous training has no bits to compare with: this tells that a
 * step was lost, or applied twice, when somebody died.
 */
export class Lineage {
  /** By the name of the parameters. */
  readonly #stepsIn = new Map<string, ReadonlySet<number>>();

  /**
   * A coordinator starts with these parameters after `version` updates, and takes the steps before the first missing one, and those `ahead`, for
   * done. Null, or what is wrong with that.
   */
  starts(name: string, version: number, ahead: readonly number[]): string | null {
    if (version === 0) this.#stepsIn.set(name, new Set());
    const steps = this.#stepsIn.get(name);
    if (steps === undefined)
      return `a coordinator starts with parameters of version ${version} that nobody has made`;
    const first = version - ahead.length;
    const claimed = new Set([...Array.from({ length: first }, (_, step) => step), ...ahead]);
    const wrong = [...claimed, ...steps].filter((step) => !claimed.has(step) || !steps.has(step));
    if (wrong.length === 0) return null;
    return `a coordinator starts after ${version} updates and is wrong about steps ${wrong.join(', ')}`;
  }

  /** The gradient of a step has made the parameters `after` out of `before`. Null, or what is wrong with that. */
  applied(before: string, after: string, step: number): string | null {
    const steps = this.#stepsIn.get(before) ?? new Set();
    this.#stepsIn.set(after, new Set([...steps, step]));
    return steps.has(step) ? `step ${step} is applied twice` : null;
  }
}
