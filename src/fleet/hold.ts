import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { OwnerWatch } from "./owner-watch.ts";

export interface HoldOptions {
  readonly key: StreamKey;
  /** How long from now, in ms. */
  readonly ms: number;
  readonly clock: Clock;
  readonly watch: OwnerWatch;
  /** Another origin owns the stream now. */
  readonly onOwner: (location: StreamLocation) => void;
  /** Nobody took it in time. */
  readonly onOver: () => void;
  /** Name of this origin: its own record is no reason to go anywhere. */
  readonly self: string;
}

/** Keeps the players of a stream that nobody feeds, until an owner appears or the time is over. Called back once. */
export class Hold {
  readonly #undo: readonly (() => void)[];

  constructor({ key, ms, clock, watch, onOwner, onOver, self }: HoldOptions) {
    const finish = (then: () => void) => {
      this.cancel();
      then();
    };
    this.#undo = [
      clock.after(ms, () => finish(onOver)),
      watch.watch(key, (location) => {
        if (location.owner.name !== self) finish(() => onOwner(location));
      }),
    ];
  }

  cancel(): void {
    for (const undo of this.#undo) undo();
  }
}
