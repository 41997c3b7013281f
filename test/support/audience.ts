import assert from "node:assert/strict";
import type { FlvTag } from "./flv-file.ts";
import { headerProblems } from "./header-compare.ts";
import type { MediaUnit } from "./media-units.ts";
import { differences } from "./packet-compare.ts";
import type { CompareRules } from "./packet-compare.ts";
import type { Player, PlayerExit } from "./player.ts";
import type { PlayerKind, ServerAddress } from "./players.ts";
import { missing } from "./run-program.ts";
import { waitFor } from "./wait.ts";

/** Where someone plays: the name continues a sentence, such as `through a relay`. */
export interface Place {
  readonly name: string;
  readonly at: ServerAddress;
}

/** What the publishers sent, and how exactly they sent it. */
export interface Published {
  readonly publications: readonly (readonly MediaUnit[])[];
  /** The prepared media that each publication is the beginning of. */
  readonly media: readonly (readonly FlvTag[])[];
  readonly order: CompareRules["order"];
  readonly tolerance: number;
  /** ms of media that came after everyone had joined. */
  readonly sinceJoined: number;
}

/** How late the last position is that mpv tells before it leaves. */
const MPV_CLOCK_MS = 500;

/** Someone in the audience. */
export class Seat {
  readonly name: string;
  readonly kind: PlayerKind;
  readonly place: Place;
  #player: Player | undefined;

  constructor(kind: PlayerKind, place: Place) {
    this.name = `${kind.name} ${place.name}`;
    this.kind = kind;
    this.place = place;
  }

  get player(): Player {
    if (!this.#player) throw new Error(`${this.name} was not started`);
    return this.#player;
  }

  start(stream: string): void {
    this.#player = this.kind.play(this.place.at, stream);
  }

  /** Wait until it has got media later than `after` ms. */
  async progressed(after = -1, within = 60_000): Promise<void> {
    const what = `${this.name} getting media after ${after} ms`;
    await waitFor(() => !this.player.running || (this.player.progress ?? -1) > after, { within, what });
    if ((this.player.progress ?? -1) > after) return;
    const { code, said } = await this.player.exit;
    throw new Error(`${this.name} ended with ${code} instead of ${what}: ${said}`);
  }

  /** Wait until it has gone by itself, and expect the exit code of an orderly end. */
  async endsInOrder(within = 15_000): Promise<void> {
    const { code, said } = await this.#gone(within);
    assert.ok(this.kind.endsWith.includes(code ?? -1), `${this.name} ended with ${code}: ${said}`);
  }

  /** Wait until it has gone by itself, and expect the exit code of a refusal and no media. */
  async isRefused(within = 10_000): Promise<void> {
    const { code, said } = await this.#gone(within);
    assert.ok(this.kind.refusedWith.includes(code ?? -1), `${this.name} ended with ${code}: ${said}`);
    assert.equal(this.player.progress, undefined);
  }

  /** Expect that what it got is what was published, to the end. */
  async got(published: Published): Promise<void> {
    const units = this.player.units();
    if (this.kind.hands === "time" || units === undefined) return this.#showed(published);
    const exact = this.kind.hands === "exact" && published.order === "exact";
    const rules = {
      order: exact ? "exact" : "per-track",
      complete: true,
      spare: this.kind.losesAtEnd ?? 0,
      tolerance: published.tolerance,
    } as const;
    assert.deepEqual(differences(published.publications, units, rules), [], this.name);
    if (this.kind.hands === "exact")
      assert.deepEqual(headerProblems(published.media, this.player.tags ?? []), [], this.name);
  }

  /** A player that hands nothing on must have shown, without a complaint, what came after it had joined. */
  async #showed({ sinceJoined }: Published): Promise<void> {
    const { said } = await this.player.exit;
    const shown = Math.round(this.player.progress ?? 0);
    assert.ok(shown > sinceJoined - MPV_CLOCK_MS, `${this.name} showed ${shown} of ${sinceJoined} ms`);
    assert.equal(said.trim(), "");
  }

  async #gone(within: number): Promise<PlayerExit> {
    await waitFor(() => !this.player.running, { within, what: `the end of ${this.name}` });
    return this.player.exit;
  }
}

/** Players of several kinds, those that are installed, in several places, all of one stream. */
export class Audience {
  readonly seats: readonly Seat[];

  constructor(kinds: readonly PlayerKind[], places: readonly Place[]) {
    const present = kinds.filter((kind) => !missing(kind));
    this.seats = places.flatMap((place) => present.map((kind) => new Seat(kind, place)));
  }

  seatOf(kind: PlayerKind, place: string): Seat {
    const seat = this.seats.find((one) => one.kind === kind && one.place.name === place);
    if (!seat) throw new Error(`${kind.name} does not sit ${place}`);
    return seat;
  }

  start(stream: string): void {
    for (const seat of this.seats) seat.start(stream);
  }

  /** Wait until each one has got media, or cannot any more: its own test then says why. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.seats.map((seat) => seat.progressed()));
  }

  /** Wait until each one has gone, at most `within` ms. */
  async dispersed(within = 15_000): Promise<void> {
    const gone = () => this.seats.every(({ player }) => !player.running);
    await waitFor(gone, { within }).catch(() => undefined);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.seats.map(({ player }) => player.stop()));
  }
}
