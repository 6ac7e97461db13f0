/** @module A backend that is used, and not closed, by who got it: somebody else still needs it. */
import type { Backend } from './backend.ts';

export function borrowed(backend: Backend): Backend {
  return new Proxy(backend, {
    get(target, property) {
      if (property === Symbol.asyncDispose) return async () => {};
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
