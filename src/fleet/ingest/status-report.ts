import type { Logger } from "pino";
import type { FailureMark, IngestStatus } from "../../domain/ingest.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { IngestRegistry } from "../../domain/ports/ingest-registry.ts";
import type { IngestRight } from "./ingest-right.ts";

export interface StatusReportOptions {
  readonly ingests: () => IngestRegistry;
  readonly right: IngestRight;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Written again after so long without a change: that keeps a definition which no file asserts any more. */
const AGAIN_AFTER_MS = 10_000;

/** What the owner says of its pull: written when it changes, and again until it was. */
export class StatusReport {
  readonly #options: StatusReportOptions;
  #status: IngestStatus;
  #written: IngestStatus | undefined;
  #writtenAt = -Infinity;
  #writing: Promise<void> | undefined;

  constructor(options: StatusReportOptions, marks: readonly FailureMark[]) {
    this.#options = options;
    this.#status = { state: "starting", profile: 0, error: "", marks };
  }

  get status(): IngestStatus {
    return this.#status;
  }

  set(change: Partial<IngestStatus>): void {
    this.#status = { ...this.#status, ...change };
    void this.write();
  }

  /** Write what the registry does not have yet. Resolves when it has it, or could not be told. */
  write(): Promise<void> {
    return (this.#writing ??= this.#write().finally(() => (this.#writing = undefined)));
  }

  /** To be called now and then. */
  tend(): void {
    const old = this.#options.clock.monotonic() - this.#writtenAt >= AGAIN_AFTER_MS;
    if (old) this.#written = undefined;
    if (this.#written !== this.#status) void this.write();
  }

  async #write(): Promise<void> {
    const { ingests, right, clock, log } = this.#options;
    const { stream } = right.record;
    try {
      while (right.begun && this.#written !== this.#status) {
        const status = this.#status;
        const known = await ingests().report(right.ref, stream, right.token, status);
        // A stale one is found out when the record is read again.
        if (!known) return;
        this.#written = status;
        this.#writtenAt = clock.monotonic();
      }
    } catch (error) {
      log.debug({ stream, err: error }, "ingest status not written");
    }
  }
}
