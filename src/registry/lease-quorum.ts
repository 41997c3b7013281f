import { createHash } from "node:crypto";
import Redlock, { ExecutionError, Lock } from "redlock";
import { readLeaseValue, readReservation } from "./lease-value.ts";
import type { LockNode, NodeAnswer } from "./lock-node.ts";
import { loadScripts, type ScriptName } from "./scripts.ts";

/** What the nodes said to one question, as far as they have answered. */
export class Poll {
  /** Granted or extended, those that were healed among them. */
  for = 0;
  healed = 0;
  /** Held by another, or not there. */
  against = 0;
  /** Who has it, when a node knew. */
  by = "";
  /** Why the first of those that gave no answer gave none. */
  fault: unknown;
  /** Resolves when every node has answered or failed. */
  readonly complete: Promise<void>;
  #open: number;
  #close: () => void = () => undefined;

  constructor(nodes: number) {
    this.#open = nodes;
    this.complete = new Promise((resolve) => (this.#close = resolve));
  }

  /** Count an answer. @returns how many keys it is for, as redlock wants it; rejects when it is against */
  async count(asked: Promise<NodeAnswer>): Promise<1> {
    try {
      const answer = await asked;
      if ("value" in answer) {
        this.against++;
        this.by ||= readLeaseValue(answer.value)?.origin ?? readReservation(answer.value) ?? "";
        throw new Error(answer.answer);
      }
      this.for++;
      if (answer.answer === "healed") this.healed++;
      return 1;
    } catch (error) {
      this.fault ??= error;
      throw error;
    } finally {
      if (--this.#open === 0) this.#close();
    }
  }
}

/** A question that was put to all nodes. */
export interface Question {
  readonly poll: Poll;
  /** Whether a quorum is for it. When it is not, what a minority granted has been given back. */
  readonly decided: Promise<boolean>;
}

/** redlock makes the value of a lock at random; ours says who holds it, under which token. */
class ValuedRedlock extends Redlock {
  value = "";

  override _random(): string {
    return this.value;
  }
}

/**
 * redlock over our nodes: it asks all of them and counts to a quorum, once. Of its defects, those of retries and of its
 * own watch over time are avoided by using neither; see docs/decisions/0023.
 */
export class LeaseQuorum {
  readonly #redlock: ValuedRedlock;
  readonly #nodes: number;
  /** Of the question that is being put: redlock calls every client before it waits for anything. */
  #poll = new Poll(0);

  /** @param extend the script that renews a lease on one node */
  constructor(nodes: readonly LockNode[], root: string, extend: "lease-extend" | "lease-heal") {
    const scripts = new ScriptTexts(["lease-acquire", extend, "lease-release"]);
    const clients = nodes.map((node) => ({
      evalsha: async (hash: string, _keys: number, args: readonly (string | number)[]) => {
        const poll = this.#poll;
        const script = scripts.named(hash);
        const [key, value] = [String(args[0]), String(args[1])];
        if (script === "lease-release") return node.giveBack(key, [value, "", 0]);
        const keys = script === "lease-heal" ? [key, root] : [key];
        return poll.count(node.ask(script, keys, value, Number(args[2])));
      },
      // The connection loads the scripts that a server has forgotten.
      eval: () => Promise.reject(new Error("redlock sent a script as a text")),
    }));
    this.#nodes = nodes.length;
    // Functions: a string would be ignored without an error.
    this.#redlock = new ValuedRedlock(
      clients,
      { retryCount: 0 },
      {
        acquireScript: () => scripts.text("lease-acquire"),
        extendScript: () => scripts.text(extend),
        releaseScript: () => scripts.text("lease-release"),
      },
    );
  }

  acquire(key: string, value: string, ttlMs: number): Question {
    this.#redlock.value = value;
    return this.#put(() => this.#redlock.acquire([key], ttlMs));
  }

  extend(key: string, value: string, ttlMs: number): Question {
    // redlock would compare its expiry with the wall clock; whether we may still extend is for us to say.
    const lock = new Lock(this.#redlock, [key], value, [], Infinity);
    return this.#put(() => this.#redlock.extend(lock, ttlMs));
  }

  #put(ask: () => Promise<Lock>): Question {
    const poll = (this.#poll = new Poll(this.#nodes));
    const decided = ask().then(
      () => true,
      (error: unknown) => {
        if (error instanceof ExecutionError) return false;
        throw error;
      },
    );
    return { poll, decided };
  }
}

/** The scripts that redlock may run: it knows them by SHA-1. */
class ScriptTexts {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #names: ReadonlyMap<string, ScriptName>;

  constructor(names: readonly ScriptName[]) {
    this.#texts = new Map(loadScripts().map(({ name, lua }) => [name, lua]));
    const sha1 = (name: string) => createHash("sha1").update(this.text(name)).digest("hex");
    this.#names = new Map(names.map((name) => [sha1(name), name]));
  }

  text(name: string): string {
    const text = this.#texts.get(name);
    if (text === undefined) throw new Error(`there is no script ${name}`);
    return text;
  }

  named(hash: string): ScriptName {
    const name = this.#names.get(hash);
    if (name === undefined) throw new Error("redlock ran a script that is not ours");
    return name;
  }
}
