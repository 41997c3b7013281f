import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One state transition in Redis. */
export interface Script {
  /** File name without number and ending: `stream-claim`. */
  readonly name: string;
  /** How many KEYS it takes: the number in the file name. */
  readonly keys: number;
  readonly lua: string;
}

/** Every transition has one file. A test compares this list with the folder. */
export const SCRIPT_NAMES = [
  "ingest-begin",
  "ingest-put",
  "ingest-remove",
  "ingest-report",
  "ingest-wish",
  "ingests-assert",
  "ingests-demand",
  "ingests-read",
  "ingests-sweep",
  "lease-acquire",
  "lease-bury",
  "lease-extend",
  "lease-heal",
  "lease-inspect",
  "lease-release",
  "origin-bury",
  "origin-heartbeat",
  "origin-leave",
  "origin-register",
  "origin-suspect",
  "origin-wish",
  "origins-list",
  "origins-wake",
  "plan-write",
  "stream-claim",
  "stream-describe",
  "stream-kick",
  "streams-list",
  "streams-locate",
  "streams-release",
  "streams-touch",
  "token-draw",
] as const;

export type ScriptName = (typeof SCRIPT_NAMES)[number];

/** The folder of the `.lua` files, beside this file in src and in dist. */
export const SCRIPT_FOLDER = fileURLToPath(new URL("./lua/", import.meta.url));

const FILE = /^([a-z]+(?:-[a-z]+)*)-(\d+)\.lua$/;

/** Read all scripts: `<name>-<number of KEYS>.lua`. */
export function loadScripts(folder: string = SCRIPT_FOLDER): readonly Script[] {
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const match = FILE.exec(file);
      if (!match) throw new Error(`${file} is not named <name>-<number of keys>.lua`);
      return {
        name: match[1] as string,
        keys: Number(match[2]),
        lua: readFileSync(`${folder}/${file}`, "utf8"),
      };
    });
}
