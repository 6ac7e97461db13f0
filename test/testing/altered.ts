import type { Backend } from 'guildwire';

/** The backend with some of its methods replaced. */
export function altered(backend: Backend, methods: Partial<Backend>): Backend {
  return new Proxy(backend, {
    get(target, property) {
      if (Object.hasOwn(methods, property)) return Reflect.get(methods, property);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
