/** A stand-in has only what is used of the thing that it stands for. */
export function standsFor<T extends object>(
  _value: Partial<Record<keyof T, unknown>>,
): asserts _value is Partial<Record<keyof T, unknown>> & T {}
