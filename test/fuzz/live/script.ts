import type { Random } from "../engine/random.ts";
import { uintBytes } from "../targets/byte-arbitraries.ts";

/** How a client leaves. `stay`: not at all, until it has been waited for in vain. */
export type Leaving = "fin" | "reset" | "stay";

/** One connection of a client. */
export interface ClientScript {
  readonly port: "rtmp" | "http";
  /** What it sends, one after another; between two parts it waits for an answer. */
  readonly parts: readonly Buffer[];
  readonly leaving: Leaving;
}

/** First byte of a record, modulo its number of kinds; then the length of what it holds, two bytes, and that. */
const KINDS = ["rtmp", "part", "http", "part", "part", "part", "part", "part"] as const;
const LEAVINGS: readonly Leaving[] = ["fin", "reset", "fin", "stay"];
const HEAD = 3;
const MOST_PART = 0xffff;
/** So many connections at the same time. */
const MOST_CLIENTS = 16;

/** Read what several clients do at the same time. Any bytes mean something. */
export function readScripts(bytes: Buffer): ClientScript[] {
  const scripts: { port: "rtmp" | "http"; parts: Buffer[]; leaving: Leaving }[] = [];
  for (let at = 0; at + HEAD <= bytes.length;) {
    const first = bytes[at] as number;
    const end = Math.min(bytes.length, at + HEAD + bytes.readUInt16BE(at + 1));
    const part = bytes.subarray(at + HEAD, end);
    const kind = KINDS[first % KINDS.length];
    const last = scripts.at(-1);
    if (kind === "part" && last) last.parts.push(part);
    else if (scripts.length < MOST_CLIENTS)
      scripts.push({
        port: kind === "http" ? "http" : "rtmp",
        parts: [part],
        leaving: LEAVINGS[(first >> 3) % 4] ?? "fin",
      });
    at = end;
  }
  return scripts;
}

/** Write them so that they can be read again. Parts that are too long for a record are cut. */
export function writeScripts(scripts: readonly ClientScript[]): Buffer {
  const records: Buffer[] = [];
  for (const { port, parts, leaving } of scripts) {
    parts.forEach((part, index) => {
      const kind = index > 0 ? 1 : (port === "http" ? 2 : 0) + 8 * LEAVINGS.indexOf(leaving);
      const kept = part.subarray(0, MOST_PART);
      records.push(Buffer.from([kind]), uintBytes(2, kept.length), kept);
    });
  }
  return Buffer.concat(records);
}

export function anyLeaving(random: Random): Leaving {
  return random.oneIn(24) ? "stay" : random.pick(["fin", "fin", "reset"]);
}
