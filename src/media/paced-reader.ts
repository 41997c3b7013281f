import type { Socket } from "node:net";
import type { ReadPace } from "./read-pace.ts";

/** For sockets that are to be paced: with this high water mark Node never reads ahead of what it was asked for. */
export const NO_READ_AHEAD = Object.freeze({ highWaterMark: 0 });

/**
 * Reads a socket: as data comes, or, while it is paced, in one read per window.
 *
 * While it waits nothing is read, so what the peer sends collects in the kernel, and a FIN is seen a window late at most.
 * A socket that reads ahead (TLS, whose cost is the cipher's) is never paced: see {@link NO_READ_AHEAD}.
 */
export class PacedReader {
  readonly #socket: Socket;
  #pace: ReadPace | undefined;
  /** Of the last read, monotonic ms. */
  #readAt = 0;
  /** The stream is in paused mode, where each read must be asked for. */
  #asks = false;
  #cancel = (): void => undefined;
  /** `read(0)` takes nothing, and makes Node read the socket once. */
  readonly #ask = (): void => void this.#socket.read(0);
  readonly #arrived = (): void => void this.#socket.read();

  /** @param take  what was read; it may end the socket, or change the pace */
  constructor(socket: Socket, take: (data: Buffer) => void) {
    this.#socket = socket;
    socket.on("data", (data) => {
      take(data);
      if (this.#pace) this.#goOn(this.#pace, data.length);
    });
    socket.on("close", () => this.unpace());
  }

  /** From now on it is one of the sources that share a pace. */
  pace(pace: ReadPace): void {
    if (this.#pace || this.#socket.destroyed || this.#socket.readableHighWaterMark > 0) return;
    this.#pace = pace;
    this.#readAt = pace.now;
    pace.enter();
  }

  /** From now on what comes is read at once. */
  unpace(): void {
    this.#pace?.leave();
    this.#pace = undefined;
    this.#flow();
  }

  #goOn(pace: ReadPace, bytes: number): void {
    if (pace.window === 0) return this.#flow();
    const { now } = pace;
    const pause = pace.pauseAfter(bytes, now - this.#readAt);
    this.#readAt = now;
    if (!this.#asks) {
      this.#asks = true;
      this.#socket.on("readable", this.#arrived);
    } else if (pause === 0) this.#ask();
    else this.#cancel = pace.after(pause, this.#ask);
  }

  /** Without a listener that asks, Node reads for the one that takes. */
  #flow(): void {
    this.#cancel();
    if (!this.#asks) return;
    this.#asks = false;
    this.#socket.off("readable", this.#arrived);
  }
}
