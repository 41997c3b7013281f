import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { SessionRef } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Lease, LeaseGrant, LeaseHolder, Leases } from "../domain/ports/leases.ts";
import { RedisClient } from "./client.ts";
import { keysOf } from "./keys.ts";
import { LeaseQuorum, type Poll } from "./lease-quorum.ts";
import { leaseValue, readLeaseValue, reservation } from "./lease-value.ts";
import { batches, BURIED_TTL_MS } from "./limits.ts";
import { LockNode } from "./lock-node.ts";
import { LockNodeChecks } from "./lock-node-checks.ts";
import { asList, asNumber, asText } from "./replies.ts";
import type { Argument } from "./client.ts";
import type { ScriptName } from "./scripts.ts";
import { SentinelWatch } from "./sentinel-watch.ts";

export interface RedisLeasesOptions {
  /** One registry of whatever kind, or three or five independent masters. */
  readonly urls: readonly string[];
  /** Hash tag that all keys begin with, such as `{holdfast}`. */
  readonly prefix: string;
  readonly commandTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** redlock's allowance for clocks that run at different speeds. */
const DRIFT = 0.01;
const DRIFT_MS = 2;

/** Until when a lease is ours for sure, on both clocks: one stands still in a suspended machine, the other may jump. */
interface Validity {
  readonly value: string;
  readonly monotonic: number;
  readonly wall: number;
}

/**
 * Leases as redlock locks: over the one Redis of the registry, where a key that is missing is a lease that is lost; or
 * over independent masters, where one that came back empty is given the key again.
 *
 * Every call ends within the command time-out.
 */
export class RedisLeases implements Leases {
  readonly #options: RedisLeasesOptions;
  readonly #nodes: readonly LockNode[];
  readonly #plain: LeaseQuorum;
  readonly #healing: LeaseQuorum;
  readonly #sentinels: readonly SentinelWatch[];
  readonly #checks: LockNodeChecks;
  readonly #root: string;
  readonly #held = new Map<string, Validity>();

  /** @throws HoldfastError `CONFIG_INVALID` when a URL is not one */
  constructor(options: RedisLeasesOptions) {
    const { urls, prefix, clock, commandTimeoutMs } = options;
    this.#options = options;
    const { root } = keysOf(prefix);
    this.#root = root;
    const clients = urls.map((url) => new RedisClient({ ...options, url, purpose: "leases" }));
    this.#nodes = clients.map((client) => new LockNode({ client, root, clock, commandTimeoutMs }));
    this.#plain = new LeaseQuorum(this.#nodes, root, "lease-extend");
    this.#healing = this.#nodes.length > 1 ? new LeaseQuorum(this.#nodes, root, "lease-heal") : this.#plain;
    // The one Redis is the registry's, which is checked there.
    this.#checks = new LockNodeChecks(this.#nodes.length > 1 ? this.#nodes : [], options.log);
    this.#sentinels = clients.map(
      (client) => new SentinelWatch(client.target, options, () => client.reconnect()),
    );
  }

  async connect(): Promise<void> {
    for (const watch of this.#sentinels) watch.start();
    const [only] = this.#nodes;
    if (only && this.#nodes.length === 1) await only.client.connect();
    else await this.#checks.connect();
  }

  async close(): Promise<void> {
    for (const watch of this.#sentinels) watch.close();
    await Promise.all(this.#nodes.map(({ client }) => client.close()));
  }

  async acquire(name: string, holder: LeaseHolder, ttlMs: number): Promise<LeaseGrant> {
    const value = leaseValue(holder);
    const validity = this.#validity(value, ttlMs);
    const { poll, decided } = this.#plain.acquire(this.#key(name), value, ttlMs);
    const granted = await this.#inTime(decided);
    // A quorum that comes together after nobody waits for it any more.
    if (granted === undefined) void decided.then((late) => (late ? this.#giveBack(name, value) : undefined));
    if (granted && !this.#isSure(validity)) {
      await this.#giveBack(name, value);
      throw this.#unavailable("granted too late to be of use");
    }
    if (granted) {
      this.#held.set(name, validity);
      return { outcome: "granted", lease: { name, holder } };
    }
    if (poll.for + poll.against >= this.#quorum) return { outcome: "held", by: poll.by };
    throw this.#tooFew(poll);
  }

  async extend({ name, holder }: Lease, ttlMs: number): Promise<"extended" | "lost"> {
    const value = leaseValue(holder);
    const validity = this.#validity(value, ttlMs);
    const known = this.#held.get(name);
    // Once it may have run out everywhere, another may have had it: then only what is still there counts.
    const quorum = known?.value === value && this.#isSure(known) ? this.#healing : this.#plain;
    const { poll, decided } = quorum.extend(this.#key(name), value, ttlMs);
    const extended = await decided; // every node answers or fails in time
    if (extended) {
      if (poll.for === poll.healed) await poll.complete;
      if (poll.for > poll.healed) {
        if (this.#isSure(validity)) this.#held.set(name, validity);
        return "extended";
      }
    }
    if (!extended && poll.against <= this.#nodes.length - this.#quorum) throw this.#tooFew(poll);
    this.#forget(name, value);
    void this.#giveBack(name, value);
    return "lost";
  }

  async release({ name, holder }: Lease, reserve?: { readonly origin: string; readonly ms: number }) {
    const value = leaseValue(holder);
    this.#forget(name, value);
    await this.#giveBack(name, value, reserve);
  }

  async bury(session: Pick<SessionRef, "name" | "epoch">, names: readonly string[]): Promise<number> {
    const ended = new Set<string>();
    for (const batch of batches(names)) {
      const args = [session.name, session.epoch, BURIED_TTL_MS, ...batch];
      for (const reply of await this.#askAll("lease-bury", [this.#root], args))
        for (const name of asList(reply)) ended.add(asText(name));
    }
    return ended.size;
  }

  async inspect(name: string): ReturnType<Leases["inspect"]> {
    const replies = await this.#askAll("lease-inspect", [this.#key(name)], []);
    const times = new Map<string, number[]>();
    for (const reply of replies) {
      const [value, ttl] = asList(reply);
      times.set(asText(value), [...(times.get(asText(value)) ?? []), asNumber(ttl)]);
    }
    for (const [value, ttls] of times) {
      const ttlMs = ttls.sort((one, other) => other - one)[this.#quorum - 1];
      const holder = readLeaseValue(value);
      if (holder && ttlMs !== undefined) return { holder, ttlMs };
    }
    return undefined;
  }

  get #quorum(): number {
    return Math.floor(this.#nodes.length / 2) + 1;
  }

  #key(name: string): string {
    return this.#root + name;
  }

  #forget(name: string, value: string): void {
    if (this.#held.get(name)?.value === value) this.#held.delete(name);
  }

  /** Counted from now, before the question is put. */
  #validity(value: string, ttlMs: number): Validity {
    const { clock } = this.#options;
    const ms = ttlMs - ttlMs * DRIFT - DRIFT_MS;
    return { value, monotonic: clock.monotonic() + ms, wall: clock.wall() + ms };
  }

  #isSure({ monotonic, wall }: Validity): boolean {
    const { clock } = this.#options;
    return clock.monotonic() < monotonic && clock.wall() < wall;
  }

  /** `undefined` when it did not come within the command time-out. */
  #inTime<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(this.#options.commandTimeoutMs, () => resolve(undefined));
      work.finally(cancel).then(resolve, reject);
    });
  }

  /** Tell every node; done when a quorum knows. What cannot be told runs out by itself. */
  async #giveBack(
    name: string,
    value: string,
    reserve?: { readonly origin: string; readonly ms: number },
  ): Promise<void> {
    const args = [value, reserve ? reservation(reserve.origin) : "", reserve?.ms ?? 0];
    const told = this.#nodes.map((node) => node.giveBack(this.#key(name), args));
    let answers = 0;
    await new Promise<void>((resolve) => {
      for (const one of told)
        one.then(
          () => ++answers === this.#quorum && resolve(),
          () => undefined,
        );
      void Promise.allSettled(told).then(() => resolve());
    });
    if (answers < this.#quorum) this.#options.log.debug({ lease: name, answers }, "lease left to run out");
  }

  /** @returns the answers of all nodes that gave one: a quorum at least */
  async #askAll(
    script: ScriptName,
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<readonly unknown[]> {
    const settled = await Promise.allSettled(this.#nodes.map((node) => node.run(script, keys, args)));
    const replies = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    if (replies.length >= this.#quorum) return replies;
    const failed = settled.find((one) => one.status === "rejected");
    throw this.#unavailable(`${replies.length} of ${this.#nodes.length} answered`, failed?.reason);
  }

  #tooFew({ for: granted, against, fault }: Poll): HoldfastError {
    if (this.#nodes.length === 1 && fault instanceof HoldfastError) return fault;
    return this.#unavailable(`${granted + against} of ${this.#nodes.length} answered in time`, fault);
  }

  #unavailable(what: string, cause?: unknown): HoldfastError {
    const registry = this.#nodes.map(({ client }) => client.address).join(", ");
    const detail = `the leases at ${registry}: ${what}`;
    return new HoldfastError("REGISTRY_UNAVAILABLE", { detail, registry }, { cause });
  }
}
