import { setMaxListeners } from "node:events";
import type { Clock } from "../domain/ports/clock.ts";

/** An AbortController whose signal any number of waits may listen to; beyond ten Node would warn of a leak. */
export function broadcast(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** A wait that has an end. */
export interface Patience {
  /** Fires with the reason of whatever ended the wait first. */
  readonly signal: AbortSignal;
  /** The wait is over: free the timer and the listeners. */
  done(): void;
}

/**
 * A signal that fires after `ms`, with the reason that `tooLate` makes, or together with any of `others`.
 *
 * `AbortSignal.any` would stay attached to the long-lived ones.
 */
export function patience(
  clock: Clock,
  ms: number,
  tooLate: () => unknown,
  ...others: readonly AbortSignal[]
): Patience {
  const controller = new AbortController();
  const cancel = clock.after(ms, () => controller.abort(tooLate()));
  const listeners = others.map((other) => {
    const listener = () => controller.abort(other.reason);
    if (other.aborted) listener();
    else other.addEventListener("abort", listener, { once: true });
    return () => other.removeEventListener("abort", listener);
  });
  const done = () => {
    cancel();
    for (const remove of listeners) remove();
  };
  return { signal: controller.signal, done };
}

/** Resolves after `ms`, or as soon as the signal fires. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const wake = () => {
      cancel();
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const cancel = clock.after(ms, wake);
    signal?.addEventListener("abort", wake, { once: true });
  });
}

/** `promise`, or a rejection with the signal's reason if that comes first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
