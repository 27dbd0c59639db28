import type { Kernels } from '../../src/engine/index.js';

/** The kernels, with `see` told of every call before and after it. */
export function watched(
  kernels: Kernels,
  see: (operation: string, args: unknown[], when: 'before' | 'after') => void,
): Kernels {
  const proxy: Kernels = new Proxy(kernels, {
    get(target, name: keyof Kernels) {
      if (name === 'forPlan') return () => proxy;
      const operation = target[name];
      if (typeof operation !== 'function') return operation;
      return (...args: unknown[]): unknown => {
        see(name, args, 'before');
        const result: unknown = Reflect.apply(operation, target, args);
        see(name, name === 'allocate' ? [result] : args, 'after');
        return result;
      };
    },
  });
  return proxy;
}
