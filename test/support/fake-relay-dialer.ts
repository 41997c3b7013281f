import { HoldfastError } from "../../src/domain/errors.ts";
import type { ChannelSource } from "../../src/domain/ports/channel.ts";
import type { RelayDialer, RelayTarget } from "../../src/domain/ports/relay.ts";
import { packet } from "./fake-channels.ts";

/** A pull that waits for the test to say how it goes. */
export class FakePull {
  readonly target: RelayTarget;
  readonly signal: AbortSignal;
  readonly #open: () => ChannelSource;
  readonly #settle: { resolve(): void; reject(reason: unknown): void };
  #source: ChannelSource | undefined;
  over = false;

  constructor(
    target: RelayTarget,
    open: () => ChannelSource,
    signal: AbortSignal,
    settle: { resolve(): void; reject(reason: unknown): void },
  ) {
    this.target = target;
    this.signal = signal;
    this.#open = open;
    this.#settle = settle;
    signal.addEventListener("abort", () => this.#finish(() => settle.reject(signal.reason)), { once: true });
  }

  /** The owner accepts. */
  accept(): this {
    this.#source = this.#open();
    return this;
  }
  /** The owner sends a packet. */
  send(text: string): this {
    this.#source?.write(packet(text));
    return this;
  }
  /** The owner ends the stream in order. */
  finish(): void {
    this.#finish(() => this.#settle.resolve());
  }
  /** The owner refuses, or the connection breaks. */
  fail(code: "NOT_OWNER" | "STREAM_NOT_FOUND" | "RELAY_FAILED", detail = "connection reset"): void {
    this.#finish(() => this.#settle.reject(new HoldfastError(code, { detail })));
  }

  #finish(then: () => void): void {
    if (this.over) return;
    this.over = true;
    this.#source?.detach();
    then();
  }
}

/** Dials nobody: every pull is kept for the test. */
export class FakeRelayDialer implements RelayDialer {
  readonly pulls: FakePull[] = [];

  pull(target: RelayTarget, open: () => ChannelSource, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pulls.push(new FakePull(target, open, signal, { resolve, reject }));
    });
  }

  get running(): readonly FakePull[] {
    return this.pulls.filter(({ over }) => !over);
  }

  /** The newest pull. */
  get last(): FakePull {
    const pull = this.pulls.at(-1);
    if (!pull) throw new Error("nothing was dialled");
    return pull;
  }
}
