import type { Logger } from "pino";
import { asHoldfastError } from "../domain/errors.ts";
import type { Clock } from "../domain/ports/clock.ts";

export interface Attempts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the attempts; its reason is thrown. */
  readonly signal: AbortSignal;
}

const PAUSE_MS = 500;

/**
 * Repeat a task while the registry gives no answer, with one line in the log when that begins.
 *
 * Any other error is thrown: trying again would not help.
 */
export async function keepTrying<T>(task: () => Promise<T>, { clock, log, signal }: Attempts): Promise<T> {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await task();
    } catch (thrown) {
      const error = asHoldfastError(thrown, "INTERNAL");
      if (error.code !== "REGISTRY_UNAVAILABLE") throw error;
      if (failures === 0) log.warn({ err: error }, "registry not reached; trying again until it answers");
    }
    await pause(clock, signal);
  }
}

async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.after(PAUSE_MS, done);
    function done(): void {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
