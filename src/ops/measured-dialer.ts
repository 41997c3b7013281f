import { asHoldfastError, type ErrorCode } from "../domain/errors.ts";
import type { RelayDialer } from "../domain/ports/relay.ts";

export interface NotePull {
  began(): void;
  /** @param code  absent after an orderly end, and when it was not needed any more */
  ended(code: ErrorCode | undefined): void;
}

/** The same dialer, with its pulls counted. */
export function measuredDialer(dialer: RelayDialer, note: NotePull): RelayDialer {
  return {
    async pull(target, open, signal) {
      note.began();
      try {
        await dialer.pull(target, open, signal);
        note.ended(undefined);
      } catch (error) {
        const { code } = asHoldfastError(error, "RELAY_FAILED");
        note.ended(code === "STOPPING" ? undefined : code);
        throw error;
      }
    },
  };
}
