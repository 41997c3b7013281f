import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { Wishes } from "../domain/ports/registry.ts";
import type { OwnedStream } from "../domain/stream-record.ts";
import type { Drain } from "./drain.ts";
import type { DrainGate } from "./drain-gate.ts";
import type { LocalStreams } from "./local-streams.ts";

export interface WishesOptions {
  readonly drain: Pick<Drain, "begin" | "leave">;
  readonly gate: DrainGate;
  readonly streams: Pick<LocalStreams, "get">;
  readonly log: Logger;
}

/** Does what operators wish of this origin. The registry repeats its wishes; each is acted on once. */
export class WishKeeper {
  readonly #options: WishesOptions;
  #acted = 0;

  constructor(options: WishesOptions) {
    this.#options = options;
  }

  /** What the last renewal told. */
  hear({ wish, kicks }: Wishes): void {
    if (wish && wish.number !== this.#acted) {
      this.#acted = wish.number;
      this.#enter(wish.state);
    }
    for (const stream of kicks) this.#kick(stream);
  }

  #enter(state: "up" | "draining"): void {
    const { drain, log } = this.#options;
    log.info({ state }, "wish heard");
    if (state === "draining") void drain.begin();
    else if (!drain.leave()) log.debug({ state }, "wish has nothing to change");
  }

  /** The token tells whether it is still the same ownership: an encoder that came since is not meant. */
  #kick({ key, token }: OwnedStream): void {
    const { streams, gate, log } = this.#options;
    const tenure = streams.get(key)?.publishing.tenure;
    if (!tenure?.encoder || tenure.holding.token !== token) return;
    const detail = `an operator disconnected the encoder of ${key}`;
    const kicked = gate.kick(tenure.encoder, new HoldfastError("KICKED", { detail, stream: key }));
    if (kicked) log.info({ stream: key, token }, "encoder kicked");
  }
}
