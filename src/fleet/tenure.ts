import type { HoldfastError } from "../domain/errors.ts";
import type { Channel } from "../domain/ports/channel.ts";
import type { Encoder } from "./encoder.ts";
import type { Holding } from "./holding.ts";
import type { Ownership } from "./ownership.ts";
import { broadcast } from "./patience.ts";
import { isNotOurs } from "./stream-endings.ts";

export interface TenureOptions {
  readonly holding: Holding;
  readonly channel: Channel;
  readonly ownership: Ownership;
  /** Another origin was given the stream. */
  readonly onLost: (tenure: Tenure, reason: HoldfastError) => void;
}

/** That this origin owns a stream and feeds it. Its encoders may change. */
export class Tenure {
  readonly holding: Holding;
  /** Which encoder feeds the stream. Absent while others are looked for, and when an ingest feeds it. */
  encoder: Encoder | undefined;
  readonly #deposed = broadcast();
  readonly #unhook: () => void;

  constructor({ holding, channel, ownership, onLost }: TenureOptions) {
    this.holding = holding;
    const { lost } = holding;
    const lose = () => onLost(this, lost.reason as HoldfastError);
    lost.addEventListener("abort", lose, { once: true });
    const unlisten = channel.onCodecs((codecs) => ownership.describe(holding, { codecs }));
    this.#unhook = () => {
      unlisten();
      lost.removeEventListener("abort", lose);
    };
  }

  /** Fires when this origin stops being the owner: its relays must go. */
  get deposed(): AbortSignal {
    return this.#deposed.signal;
  }

  /** It is over: listen no more. */
  close(): void {
    this.#unhook();
  }

  /** Send the relays away; they find the next owner. */
  depose(): void {
    this.#deposed.abort(isNotOurs(this.holding.key));
  }
}
