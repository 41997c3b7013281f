import assert from "node:assert/strict";
import type { PeerAsks } from "../../src/domain/ports/peer-asks.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import type { FakeOrigin } from "./fake-fleet.ts";
import { IngestWorld } from "./ingest-world.ts";
import { slowAnswers } from "./shaky-registry.ts";
import type { Troubles } from "./troubled.ts";

/** What happens to a fleet, one after another. `who` counts the origins that run, modulo their number. */
export type Happening =
  | { readonly do: "kill" | "join" | "leave" | "forget-lease" | "replan" }
  | { readonly do: "pause"; readonly who: number; readonly ms: number }
  | { readonly do: "cut-off"; readonly who: number; readonly ms: number }
  /** An operator wants half of them at one origin. */
  | { readonly do: "move"; readonly who: number }
  | { readonly do: "wait"; readonly ms: number };

interface Member {
  readonly origin: FakeOrigin;
  readonly ways: Troubles;
  /** Neither killed, stopped nor left. */
  alive: boolean;
  paused: boolean;
  /** Ends a pause, or the time without a registry, at this moment. */
  until: number;
  release: () => void;
}

const STEP_MS = 200;
/** By then every origin has asked for its leases. */
const RENEWED_MS = 1_400;

/** A fleet whose planners and keepers are the real ones, and whose sources are asked all the time who may feed. */
export class IngestSim {
  readonly world = new IngestWorld();
  readonly streams: readonly string[];
  readonly #members: Member[] = [];
  #names = 0;

  readonly #overlap: boolean;

  /** @param overlap whether moves overlap: two sources may feed then, of which one has the stream */
  constructor(ingests: number, overlap = false) {
    this.streams = Array.from({ length: ingests }, (_, i) => `live/c${i}`);
    this.#overlap = overlap;
  }

  async begin(origins: number): Promise<void> {
    for (let i = 0; i < origins; i++) await this.join();
    for (const stream of this.streams) await this.world.define(stream, { overlap: this.#overlap });
    await this.wait(8_000);
  }

  async join(): Promise<void> {
    const { origin, ways } = this.world.troubledOrigin({ name: `o${++this.#names}`, asks: this.#asks });
    origin.puller.onPull = (pull) => void setImmediate(() => pull.over || pull.flow());
    const member = { origin, ways, alive: true, paused: false, until: 0, release: () => {} };
    await origin.fleet.start();
    this.#members.push(member);
  }

  async happen(what: Happening): Promise<void> {
    const running = this.#members.filter(({ alive, release, until }) => alive && until === 0 && release);
    const pick = (who: number) => running[who % running.length];
    const first = pick(0);
    if (what.do === "wait") await this.wait(what.ms);
    else if (what.do === "join") await this.join();
    else if (what.do === "kill" && running.length > 1 && first) this.#kill(first);
    else if (what.do === "leave" && running.length > 1 && first) await this.#leave(first);
    else if (what.do === "forget-lease") await this.#forgetLeases();
    else if (what.do === "move") await this.#move(pick(what.who)?.origin.name ?? "");
    else if (what.do === "replan") this.world.store.leases.delete("planner");
    else if (what.do === "pause" || what.do === "cut-off") {
      const member = pick(what.who);
      if (member && running.length > 1) this.#disturb(member, what.do === "pause", what.ms);
    }
    this.check();
  }

  /** Let time pass. All the while every source tries to deliver. */
  async wait(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await this.world.clock.advance(STEP_MS);
      for (const member of this.#members) {
        if (member.until === 0 || this.world.clock.monotonic() < member.until) continue;
        // The first thing that a process does after a pause may be to take what has arrived meanwhile.
        this.check(member);
        this.#restore(member);
      }
      this.check();
    }
  }

  /** Whatever was disturbed is undone, and everybody has time. */
  async settle(): Promise<void> {
    for (const member of this.#members) if (member.until > 0) this.#restore(member);
    await this.wait(45_000);
    // A move for evenness may be under way just now.
    const all = () => this.counts().reduce((sum, count) => sum + count, 0);
    for (let i = 0; i < 20 && all() !== this.streams.length; i++) await this.wait(STEP_MS);
  }

  /** No source feeds two origins at one moment. */
  check(awoken?: Member): void {
    for (const stream of this.streams) {
      const feeding = this.#members
        .filter((member) => member.alive && (!member.paused || member === awoken))
        .filter(({ origin }) => origin.puller.open(stream).filter((pull) => pull.send("x")).length > 0);
      const names = feeding.map(({ origin }) => origin.name);
      assert.ok(names.length <= (this.#overlap ? 2 : 1), `${stream} feeds ${names.join(" and ")}`);
      const shown = feeding.filter(({ origin }) => origin.stateOf(stream) === "ingested");
      assert.ok(shown.length <= 1, `${stream} is shown by ${names.join(" and ")}`);
    }
  }

  /** How many ingests each living origin shows. */
  counts(): number[] {
    return this.#members
      .filter(({ alive }) => alive)
      .map(({ origin }) => this.streams.filter((stream) => origin.stateOf(stream) === "ingested").length);
  }

  async stop(): Promise<void> {
    const stops = this.#members.filter(({ alive }) => alive).map(({ origin }) => origin.fleet.stop());
    await this.world.clock.advance(2_000);
    await Promise.all(stops);
  }

  /**
   * A registry that forgets gives away what somebody believes in, until that one has asked: promised is no overlap only
   * where it can be asked itself meanwhile.
   */
  async #forgetLeases(): Promise<void> {
    if (this.#members.some(({ until }) => until > 0)) return;
    for (const stream of this.streams.slice(0, 2)) this.world.store.leases.delete(`lease:${stream}`);
    await this.wait(RENEWED_MS);
  }

  /** What origins say when they are asked for what they pull. */
  readonly #asks: PeerAsks = {
    pulls: async ({ name }, stream) => {
      const member = this.#members.find(({ origin }) => origin.name === name);
      if (!member || member.until > 0) return "unknown";
      return member.alive && member.origin.fleet.ingests.pullsNow(stream) ? "pulls" : "does-not";
    },
  };

  async #move(to: string): Promise<void> {
    for (const stream of this.streams.filter((_, i) => i % 2 === 0))
      await this.world.ingests.setMove(parseStreamKey(stream), to, "test");
  }

  /** The kernel closes its connections; nobody else hears of it. */
  #kill(member: Member): void {
    member.alive = false;
    member.origin.clock.pause();
    member.origin.registry.deaf = true;
    member.ways.trouble = () => new Promise(() => {});
    member.origin.registry.trouble = () => new Promise(() => {});
    for (const pull of member.origin.puller.pulls) pull.over = true;
  }

  async #leave(member: Member): Promise<void> {
    member.alive = false;
    const stopped = member.origin.fleet.stop();
    await this.world.clock.advance(STEP_MS);
    await stopped;
    for (const stream of this.streams) assert.equal(member.origin.puller.open(stream).length, 0);
  }

  /** Nothing is heard or told for `ms`; with `paused` nothing is done either. What was asked for is done. */
  #disturb(member: Member, paused: boolean, ms: number): void {
    const { trouble, release } = slowAnswers();
    const { origin, ways } = member;
    if (paused) origin.clock.pause();
    ways.trouble = (ask) => trouble(ask, "locate");
    origin.registry.trouble = trouble;
    origin.registry.deaf = true;
    Object.assign(member, { paused, release, until: this.world.clock.monotonic() + ms });
  }

  #restore(member: Member): void {
    const { origin, ways } = member;
    ways.trouble = (ask) => ask();
    origin.registry.trouble = (ask) => ask();
    origin.registry.deaf = false;
    if (member.paused) origin.clock.resume();
    member.release();
    Object.assign(member, { paused: false, until: 0, release: () => {} });
  }
}
