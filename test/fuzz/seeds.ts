import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "seeds");
/** C0, C1 and C2. */
export const HANDSHAKE_BYTES = 1 + 2 * 1_536;

/**
 * What real clients sent to a server, whole connections, by what they did: `rtmp-publish`, `rtmp-play`, `http-publish`,
 * `http-play`, `ws-play`. The file name goes on with the client's.
 */
export function clientSeeds(beginning: string): Buffer[] {
  return readdirSync(FOLDER)
    .filter((name) => name.startsWith(beginning) && name.endsWith(".bin"))
    .sort()
    .map((name) => readFileSync(join(FOLDER, name)));
}

/** What came after the handshake of real RTMP clients. */
export function rtmpSeeds(): Buffer[] {
  return clientSeeds("rtmp-").map((bytes) => bytes.subarray(HANDSHAKE_BYTES));
}

/** Inputs that once broke a target; each run begins with them. */
export function regressions(target: string): Buffer[] {
  const folder = join(FOLDER, "regressions", target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name)));
}
