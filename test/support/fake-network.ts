import { asHoldfastError, HoldfastError } from "../../src/domain/errors.ts";
import type { ChannelSource } from "../../src/domain/ports/channel.ts";
import type { RelayDialer, RelayTarget } from "../../src/domain/ports/relay.ts";
import type { PlayAnswer } from "../../src/fleet/gates.ts";
import type { FakeOrigin } from "./fake-fleet.ts";

/** A relay that is running. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly key: string;
  /** The connection breaks. */
  cut(): void;
}

type Served = Extract<PlayAnswer, { kind: "serve" }>;

/** Connects the origins of one test, so that they pull from each other as over RTMP. */
export class FakeNetwork {
  readonly links = new Set<Link>();
  readonly #origins = new Map<string, FakeOrigin>();

  /** The origin listens on its relay address from now on; an earlier one of the same name does not any more. */
  plug(origin: FakeOrigin): void {
    this.#origins.set(`${origin.name}.internal:1935`, origin);
  }

  unplug(origin: FakeOrigin): void {
    const address = `${origin.name}.internal:1935`;
    if (this.#origins.get(address) === origin) this.#origins.delete(address);
  }

  /** Break every connection of an origin. */
  cut(name: string): void {
    for (const link of [...this.links]) if (link.from === name || link.to === name) link.cut();
  }

  isPlugged(origin: FakeOrigin): boolean {
    return this.#origins.get(`${origin.name}.internal:1935`) === origin;
  }

  readonly dialer: RelayDialer = {
    pull: async (target, open, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      const owner = this.#origins.get(target.address);
      if (!owner) throw new HoldfastError("RELAY_FAILED", { detail: "connection refused" });
      if (owner.clock.paused) await new Promise((_, reject) => signal.addEventListener("abort", reject));
      const left = new AbortController();
      signal.addEventListener("abort", () => left.abort(), { once: true });
      const answer = await askToPlay(owner, target, left.signal);
      signal.throwIfAborted();
      const broken = new AbortController();
      const cut = () => broken.abort(reset());
      const link = { from: owner.name, to: target.asker, key: target.key, cut };
      this.links.add(link);
      try {
        await pipe(answer, open(), [signal, broken.signal]);
      } finally {
        this.links.delete(link);
      }
    },
  };
}

async function askToPlay(owner: FakeOrigin, target: RelayTarget, left: AbortSignal): Promise<Served> {
  try {
    const answer = await owner.play(target.key, { ticket: target.ticket, left });
    if (answer.kind === "serve") return answer;
    throw new HoldfastError("RELAY_FAILED", { detail: "a relay was redirected" });
  } catch (error) {
    const { code, message } = asHoldfastError(error, "INTERNAL");
    throw new HoldfastError(code === "NOT_OWNER" ? code : "RELAY_FAILED", { detail: message });
  }
}

/** Resolves when the channel ends, as after StreamEOF; rejects when the connection is cut. */
function pipe({ channel, revoked }: Served, source: ChannelSource, cuts: AbortSignal[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    const finish = (then: () => void) => {
      if (over) return;
      over = true;
      subscription.close();
      source.detach();
      then();
    };
    const subscription = channel.subscribe({
      form: "rtmp",
      backlog: 0,
      write: (payload) => source.write({ type: "video", timestamp: 0, payload }),
      end: () => finish(resolve),
    });
    revoked?.addEventListener("abort", () => finish(() => reject(reset())));
    for (const cut of cuts) cut.addEventListener("abort", () => finish(() => reject(cut.reason)));
  });
}

function reset(): HoldfastError {
  return new HoldfastError("RELAY_FAILED", { detail: "connection reset" });
}
