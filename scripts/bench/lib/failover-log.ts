import type { Readable } from "node:stream";

/** One line of an origin's log. */
export interface LogLine {
  /** ms since 1970. */
  readonly at: number;
  readonly origin: string;
  readonly msg: string;
  readonly stream: string;
  readonly role: string;
  readonly durationMs: number;
}

/** What several origins have logged. All run on one machine: their clocks agree. */
export class LogBook {
  readonly lines: LogLine[] = [];

  /** Read on as long as it speaks. */
  follow(stderr: Readable): void {
    let rest = "";
    stderr.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part.startsWith("{")) this.lines.push(lineOf(part));
    });
  }

  /** Lines with this message, from `since` on. */
  said(msg: string, since = 0): LogLine[] {
    return this.lines.filter((line) => line.msg === msg && line.at >= since);
  }
}

function lineOf(text: string): LogLine {
  const { time, origin, msg, stream, role, durationMs } = JSON.parse(text) as Record<string, unknown>;
  return {
    at: Date.parse(String(time)),
    origin: String(origin),
    msg: String(msg),
    stream: typeof stream === "string" ? stream : "",
    role: typeof role === "string" ? role : "",
    durationMs: typeof durationMs === "number" ? durationMs : 0,
  };
}

/** From when to when somebody pulled a source: ms since 1970. */
export interface Pull {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
}

/** What the source's own log says: every connection that played one of its streams. */
export function pullsOf(source: LogBook): Pull[] {
  return source
    .said("session ended")
    .filter(({ role, stream }) => role === "player" && stream !== "")
    .map(({ stream, at, durationMs }) => ({ stream, from: at - durationMs, to: at }));
}

/**
 * Pulls of one source at the same time. `letGo` tells when a puller that cannot reach the source any more had stopped
 * by its own word: the source sees its connection for longer.
 */
export function overlaps(pulls: readonly Pull[], letGo: (pull: Pull) => number): [Pull, Pull][] {
  const found: [Pull, Pull][] = [];
  const byStream = new Map<string, Pull[]>();
  for (const pull of pulls) byStream.set(pull.stream, [...(byStream.get(pull.stream) ?? []), pull]);
  for (const list of byStream.values()) {
    list.sort((one, other) => one.from - other.from);
    for (const [index, pull] of list.entries()) {
      const next = list[index + 1];
      if (next && next.from < letGo(pull)) found.push([pull, next]);
    }
  }
  return found;
}
