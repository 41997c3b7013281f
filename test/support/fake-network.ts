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

  isPlugged(origin: FakeOrigin): boolean {
    return this.#origins.get(`${origin.name}.internal:1935`) === origin;
  }

  readonly dialer: RelayDialer = {
    pull: async (target, open, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      const owner = this.#origins.get(target.address);
      if (!owner) throw new HoldfastError("RELAY_FAILED", { detail: "connection refused" });
      const left = new AbortController();
      const leave = () => left.abort(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
      const answer = await askToPlay(owner, target, left.signal);
      signal.throwIfAborted();
      const link = { from: owner.name, to: target.asker, key: target.key };
      this.links.add(link);
      try {
        await pipe(answer, open(), signal);
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

/** Resolves when the channel ends, as after StreamEOF; rejects when either side cuts the connection. */
function pipe({ channel, revoked }: Served, source: ChannelSource, signal: AbortSignal): Promise<void> {
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
    const reset = () =>
      finish(() => reject(new HoldfastError("RELAY_FAILED", { detail: "connection reset" })));
    revoked?.addEventListener("abort", reset, { once: true });
    signal.addEventListener("abort", () => finish(() => reject(signal.reason)), { once: true });
  });
}
