import type { FastifyInstance } from "fastify";

/** Which methods a path takes; empty when there is nothing at this path. */
export type AllowedMethods = (path: string) => readonly string[];

interface KnownRoute {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/**
 * Collect the routes that are added to `app` from now on, to tell 405 from 404, which Fastify does not.
 *
 * `accepts` narrows the catch-all `/*` route: the paths it really serves.
 */
export function collectAllowedMethods(
  app: FastifyInstance,
  accepts: (path: string) => boolean,
): AllowedMethods {
  const routes = new Map<string, KnownRoute>();
  app.addHook("onRoute", ({ url, method }) => {
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const one of Array.isArray(method) ? method : [method]) route.methods.add(one);
    routes.set(url, route);
  });
  return (path) => {
    const methods = new Set<string>();
    for (const [url, route] of routes) {
      if (url === "/*" ? !accepts(path) : !route.pattern.test(path)) continue;
      for (const method of route.methods) methods.add(method);
    }
    return [...methods].sort();
  };
}

function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/:\w+/g, "[^/]+").replace(/\\\*$/, ".+")}$`);
}
