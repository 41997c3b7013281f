import { HoldfastError } from "../domain/errors.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Argument, RedisClient } from "./client.ts";
import { RedisTime } from "./redis-time.ts";
import { asList, asNumber, asText } from "./replies.ts";
import type { ScriptName } from "./scripts.ts";

export interface LockNodeOptions {
  readonly client: RedisClient;
  /** What all keys begin with, such as `{holdfast}:`. */
  readonly root: string;
  readonly commandTimeoutMs: number;
  readonly clock: Clock;
}

/** A server's answer to a question about a lease. */
export type NodeAnswer =
  | { readonly answer: "granted" | "extended" | "healed" }
  /** `value` is what the key holds instead; empty when there is none. */
  | { readonly answer: "held" | "lost"; readonly value: string };

/** One Redis that keeps leases. Every call ends within the command time-out. */
export class LockNode {
  readonly client: RedisClient;
  /** Why its word does not count, when it does not. */
  unfit: HoldfastError | undefined;
  readonly #options: LockNodeOptions;
  /** Questions that are not answered, by key. */
  readonly #asked = new Map<string, Promise<unknown>>();
  #time: RedisTime;

  constructor(options: LockNodeOptions) {
    this.#options = options;
    this.client = options.client;
    this.#time = new RedisTime(options.clock);
    // Behind a new connection there may be another server, with another clock.
    this.client.onReady(() => (this.#time = new RedisTime(options.clock)));
  }

  /**
   * Ask for a lease, or to renew it. The script is told until when we wait, in this server's time: a command that a
   * hung server carries out later gives nothing away.
   *
   * @throws HoldfastError `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`
   */
  ask(script: ScriptName, keys: readonly string[], value: string, ttlMs: number): Promise<NodeAnswer> {
    const [key = ""] = keys;
    const asked = this.#ask(script, keys, value, ttlMs);
    this.#asked.set(key, asked);
    const answered = () => this.#asked.get(key) === asked && this.#asked.delete(key);
    asked.then(answered, answered);
    return asked;
  }

  /** Give a lease back: behind what was asked for it, which may still wait for this server's time. */
  async giveBack(key: string, args: readonly Argument[]): Promise<unknown> {
    await this.#asked.get(key)?.catch(() => undefined);
    return this.run("lease-release", [key], args);
  }

  async #ask(script: ScriptName, keys: readonly string[], value: string, ttlMs: number): Promise<NodeAnswer> {
    if (this.unfit) throw this.unfit;
    const { clock, commandTimeoutMs } = this.#options;
    const deadline = clock.monotonic() + commandTimeoutMs;
    const ask = async (redisTime: number): Promise<NodeAnswer | undefined> => {
      const notAfter = Math.ceil(redisTime + deadline - clock.monotonic());
      const answered = this.#time.ask();
      const [word, time, present] = asList(await this.client.run(script, keys, [value, ttlMs, notAfter]));
      answered(asNumber(time));
      const answer = asText(word);
      if (answer === "held" || answer === "lost") return { answer, value: asText(present) };
      // Late in Redis time and not in ours: its clock was set.
      return answer === "late" ? undefined : { answer: answer as "granted" | "extended" | "healed" };
    };
    const known = this.#time.now();
    const answer = known === undefined ? undefined : await ask(known);
    if (answer) return answer;
    return within(clock, deadline - clock.monotonic(), this.client.address, async () => {
      const again = await ask(this.#time.now() ?? (await this.#readTime()));
      if (again) return again;
      throw unavailable(this.client.address, "the clock jumps: its answers always come too late");
    });
  }

  run(script: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.client.run(script, keys, args);
  }

  async #readTime(): Promise<number> {
    const answered = this.#time.ask();
    const [seconds, microseconds] = asList(await this.client.call("TIME"));
    const now = asNumber(seconds) * 1_000 + Math.floor(asNumber(microseconds) / 1_000);
    answered(now);
    return now;
  }
}

/** Let `work` go on, and stop waiting for it after `ms`. */
export async function within<T>(
  clock: Clock,
  ms: number,
  address: string,
  work: () => Promise<T>,
): Promise<T> {
  const pending = work();
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(unavailable(address, "no answer in time")));
    pending.finally(cancel).then(resolve, reject);
  });
}

export function unavailable(address: string, what: string): HoldfastError {
  const detail = `the lock node at ${address}: ${what}`;
  return new HoldfastError("REGISTRY_UNAVAILABLE", { detail, registry: address });
}
