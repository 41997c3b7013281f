import { readyLeaseOf, type IngestRecord } from "../../domain/ingest.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import { sleep } from "../patience.ts";
import type { IngestRun } from "./ingest-run.ts";
import type { IngestTools } from "./ingest-tools.ts";

interface Move {
  readonly run: IngestRun;
  readonly target: string;
  readonly cancel: AbortController;
}

const LOOK_EVERY_MS = 100;

/**
 * Gives ingests to the origins that the plan names. Without `overlap` this one stops first, and keeps the lease for
 * the next one for a moment; with it this one goes on until the next one says that it has a keyframe.
 */
export class Handover {
  readonly #tools: Pick<IngestTools, "leases" | "clock" | "log" | "counts">;
  readonly #moves = new Map<StreamKey, Move>();

  constructor(tools: Pick<IngestTools, "leases" | "clock" | "log" | "counts">) {
    this.#tools = tools;
  }

  /** Give `run` to `target`. Does nothing when that is under way. */
  begin(run: IngestRun, { stream, overlap }: IngestRecord, target: string): void {
    if (run.ending) return;
    const present = this.#moves.get(stream);
    if (present?.run === run && present.target === target) return;
    this.cancel(stream);
    if (!overlap || !run.pulling) return this.#let(run, target);
    const move: Move = { run, target, cancel: new AbortController() };
    this.#moves.set(stream, move);
    this.#tools.log.info({ stream, token: run.token, target }, "ingest waits for its next owner");
    void this.#watch(move);
  }

  /** It stays here after all. */
  cancel(stream: StreamKey): void {
    this.#moves.get(stream)?.cancel.abort();
    this.#moves.delete(stream);
  }

  async #watch(move: Move): Promise<void> {
    const { leases, clock, log } = this.#tools;
    const { run, target, cancel } = move;
    while (!cancel.signal.aborted && !run.ending) {
      try {
        const ready = await leases.inspect(readyLeaseOf(run.stream));
        if (cancel.signal.aborted || run.ending) break;
        if (ready?.holder.origin === target) {
          this.#let(run, target);
          break;
        }
      } catch (error) {
        log.debug({ stream: run.stream, err: error }, "next owner not seen");
      }
      await sleep(clock, LOOK_EVERY_MS, cancel.signal);
    }
    if (this.#moves.get(run.stream) === move) this.#moves.delete(run.stream);
  }

  #let(run: IngestRun, target: string): void {
    this.#tools.counts.moves++;
    run.stop({ how: "broken", reason: `moved to ${target}`, reserve: target });
  }
}
