// eslint-disable-next-line no-restricted-imports -- what a program inherits; no setting of ours is read from it
import { env } from "node:process";

const SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * The environment of an `exec:` program: `PATH`, `HOME` and `LANG` of this origin, and `HOLDFAST_STREAM`, the stream key.
 * No settings and no secrets of ours: a program is given what it needs in its command line.
 */
export function execEnvironment(stream: string): Record<string, string> & { readonly PATH: string } {
  const { HOME, LANG } = env;
  return {
    PATH: env["PATH"] ?? SEARCH_PATH,
    ...(HOME === undefined ? {} : { HOME }),
    ...(LANG === undefined ? {} : { LANG }),
    HOLDFAST_STREAM: stream,
  };
}
