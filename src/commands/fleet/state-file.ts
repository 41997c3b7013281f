import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { HoldfastError } from "../../domain/errors.ts";
import { isAlive } from "./process-identity.ts";

const processSchema = z.object({ pid: z.int().positive(), began: z.string() });

const fleetSchema = z.object({
  supervisor: processSchema,
  redisUrl: z.string(),
  redisPrefix: z.string(),
  origins: z.array(
    z.object({
      name: z.string(),
      process: processSchema,
      rtmp: z.string(),
      http: z.string(),
      api: z.string(),
    }),
  ),
});

/** A `holdfast fleet` that runs on this machine, for other terminals. */
export type FleetState = z.output<typeof fleetSchema>;

const STATE_FILE = "fleet.json";
const YOUNG_MS = 60_000;

/** A directory for one fleet: its state, the logs of its origins, its Redis. Only this user may look inside. */
export async function makeFleetDirectory(): Promise<string> {
  const base = await baseDirectory();
  await mkdir(base, { mode: 0o700, recursive: true });
  await checkBase(base);
  return mkdtemp(join(base, "fleet-"));
}

/** Remove all that a fleet wrote. */
export async function removeFleetDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  // Not empty while another fleet runs.
  await rmdir(dirname(directory)).catch(() => undefined);
}

/** Write the state so that a reader finds the old one or the new one, whole. */
export async function writeFleetState(directory: string, state: FleetState): Promise<void> {
  const temporary = join(directory, `${STATE_FILE}.new`);
  await writeFile(temporary, JSON.stringify(state), { mode: 0o600 });
  await rename(temporary, join(directory, STATE_FILE));
}

/** The fleets of this user that run now. What dead ones left behind is removed. */
export async function findFleets(): Promise<readonly FleetState[]> {
  const base = await baseDirectory();
  const found = await readdir(base).catch(() => undefined);
  if (!found) return [];
  await checkBase(base);
  const fleets: FleetState[] = [];
  for (const directory of found.filter((name) => name.startsWith("fleet-")).map((name) => join(base, name))) {
    const state = await readState(directory);
    if (state && isAlive(state.supervisor)) fleets.push(state);
    else if (state || (await isOld(directory))) await removeFleetDirectory(directory);
  }
  return fleets;
}

async function baseDirectory(): Promise<string> {
  const runtime = process.env["XDG_RUNTIME_DIR"] ?? "";
  const usable = runtime !== "" && (await stat(runtime).catch(() => undefined))?.isDirectory() === true;
  return join(usable ? runtime : tmpdir(), `holdfast-${userInfo().uid}`);
}

/** The temporary directory is everybody's: a state file that others wrote would let us kill what they name. */
async function checkBase(base: string): Promise<void> {
  const facts = await lstat(base);
  if (facts.isDirectory() && facts.uid === userInfo().uid && (facts.mode & 0o077) === 0) return;
  const detail = `${base} is not a directory that only this user may use: remove it`;
  throw new HoldfastError("INTERNAL", { detail });
}

async function readState(directory: string): Promise<FleetState | undefined> {
  try {
    return fleetSchema.parse(JSON.parse(await readFile(join(directory, STATE_FILE), "utf8")));
  } catch {
    return undefined;
  }
}

/** Between making the directory and writing the state, a fleet that starts looks like a dead one. */
async function isOld(directory: string): Promise<boolean> {
  const facts = await stat(directory).catch(() => undefined);
  return facts !== undefined && Date.now() - facts.mtimeMs > YOUNG_MS;
}
