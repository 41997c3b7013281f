import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { Clock } from "../domain/ports/clock.ts";
import {
  ConnectionLimits,
  plainAddress,
  type AdmissionLimits,
  type AdmissionRefusal,
} from "./connection-limits.ts";
import { Counts } from "./counts.ts";

const REFUSALS_LOGGED_EVERY = 1_000;

/** Stands at the door of a server: lets connections in within the limits, and resets the others. */
export class Admission {
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Connections that were not let in. */
  readonly refused = new Counts<{ reason: AdmissionRefusal }>();
  #refusals = 0;
  #refusalsLoggedAt = -Infinity;

  constructor(limits: AdmissionLimits, clock: Clock, log: Logger) {
    this.#limits = new ConnectionLimits(limits, () => clock.monotonic());
    this.#clock = clock;
    this.#log = log;
  }

  /** Open connections. */
  get open(): number {
    return this.#limits.open;
  }

  /** The IP address of a connection that may stay; it is counted until it closes. `undefined`: it is gone. */
  admit(socket: Socket): string | undefined {
    const address = plainAddress(socket.remoteAddress ?? "");
    if (address === "") return void socket.destroy();
    const refusal = this.#limits.admit(address);
    if (refusal !== undefined) {
      socket.resetAndDestroy();
      this.refused.add({ reason: refusal });
      return this.#refused(address, refusal);
    }
    socket.once("close", () => this.#limits.release(address));
    return address;
  }

  /** A flood of refused connections must not become a flood of lines. */
  #refused(address: string, reason: string): undefined {
    this.#refusals += 1;
    const now = this.#clock.monotonic();
    if (now - this.#refusalsLoggedAt < REFUSALS_LOGGED_EVERY) return undefined;
    this.#log.warn(
      { remote: address, reason, refused: this.#refusals, open: this.#limits.open },
      "connections refused",
    );
    this.#refusals = 0;
    this.#refusalsLoggedAt = now;
    return undefined;
  }
}
