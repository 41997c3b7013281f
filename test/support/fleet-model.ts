import assert from "node:assert/strict";
import { parseStreamKey, type StreamKey } from "../../src/domain/stream-key.ts";
import type { Publication } from "../../src/fleet/gates.ts";
import { FakePlayer, packet } from "./fake-channels.ts";
import { FakeWorld, type FakeOrigin } from "./fake-fleet.ts";
import { FakeNetwork } from "./fake-network.ts";
import type { ClientStep, Policy, Step, TroubleName } from "./fleet-steps.ts";
import { ORIGINS, STREAMS } from "./fleet-steps.ts";
import { checkTokens } from "./grown-tokens.ts";
import { away, fine, held, mute, only, type Trouble } from "./shaky-registry.ts";

interface Encoder {
  readonly origin: FakeOrigin;
  readonly publication: Publication;
  /** It sends nothing, for now. */
  silent: boolean;
}

interface Player {
  readonly origin: FakeOrigin;
  readonly key: StreamKey;
  readonly player: FakePlayer;
}

interface Place {
  origin: FakeOrigin;
  /** Since when it has been in touch with the registry without a break; Infinity while it is not. */
  inTouchSince: number;
  thaw: () => void;
}

/** Within this time an origin that is in touch with the registry is in agreement with it. */
const AGREE_WITHIN_MS = 2_500;

/** A fleet under the hands of a test, with what must be true of it at any time. */
export class FleetModel {
  readonly world = new FakeWorld();
  readonly network = new FakeNetwork();
  readonly #places: Place[] = [];
  readonly #differSince = new Map<string, number>();
  #encoders: Encoder[] = [];
  #players: Player[] = [];
  readonly #policies: readonly Policy[];
  #restarts = 0;
  #packets = 0;

  /** @param policies  of each origin, in their order */
  constructor(policies: readonly Policy[] = ["takeover", "takeover", "takeover"]) {
    this.#policies = policies;
  }

  async begin(): Promise<this> {
    for (const name of ORIGINS) this.#places.push(await this.#start(name));
    return this;
  }

  async step(step: Step): Promise<void> {
    if (step.do === "wait") return this.#wait(step.ms);
    const place = this.#places[step.origin % this.#places.length] as Place;
    if (step.do === "trouble") this.#trouble(place, step.trouble);
    else if (step.do === "kill") this.#kill(place);
    else if (step.do === "restart") await this.#restart(place);
    else this.#client(step.do, place.origin, parseStreamKey(STREAMS[step.stream % 2] as string));
    await this.world.clock.advance(1);
    await this.check();
  }

  /** End all trouble, and wait until everything has settled: then nothing of it may be left. */
  async settle(): Promise<void> {
    for (const place of this.#places) {
      await this.#restart(place);
      this.#trouble(place, "fine");
    }
    for (const encoder of this.#encoders) encoder.silent = false;
    await this.#wait(40_000);
    const owners = await this.#checkOwners();
    const last = this.#feed();
    for (const { key, player, origin } of this.#players) {
      if (player.ended) continue;
      assert.ok(
        owners.some((owner) => owner.startsWith(`${key} `)),
        `${key} at ${origin.name} is played and has no owner`,
      );
      assert.equal(player.received.at(-1), `${key} ${last}`, `${key} does not flow at ${origin.name}`);
    }
  }

  /** Every stream that has an encoder has one owner, and an encoder that does not stand by owns its stream. */
  async #checkOwners(): Promise<string[]> {
    const records = (await this.#places[0]?.origin.registry.listStreams()) ?? [];
    const owners = records.map(({ key, origin }) => `${key} ${origin}`).sort();
    const live = this.#encoders.filter(({ publication }) => !publication.revoked.aborted);
    const places = new Set(live.map(({ origin, publication: { key } }) => `${key} ${origin.name}`));
    for (const owner of owners) assert.ok(places.has(owner), `${owner} has a record and no encoder`);
    for (const { origin, publication } of live) {
      const { key } = publication;
      if (this.#policyOf(origin) !== "standby") assert.ok(owners.includes(`${key} ${origin.name}`), key);
      assert.equal(owners.filter((owner) => owner.startsWith(`${key} `)).length, 1, `owners of ${key}`);
    }
    return owners;
  }

  #policyOf({ name }: { readonly name: string }): Policy {
    return this.#policies[ORIGINS.indexOf(name as (typeof ORIGINS)[number])] ?? "takeover";
  }

  /** What is true at any time, whatever happens. */
  async check(): Promise<void> {
    checkTokens(this.world.store.events());
    const { store } = this.world;
    for (const { origin, inTouchSince } of this.#places) {
      const { session } = origin.fleet;
      if (!session.live || !this.network.isPlugged(origin)) continue;
      const record = store.sessions.get(origin.name);
      assert.equal(record?.epoch, session.ref?.epoch, `${origin.name} believes in a session that is over`);
      for (const stream of STREAMS) this.#checkAgreement(origin, parseStreamKey(stream), inTouchSince);
    }
    for (const { player, key } of this.#players)
      assert.equal(new Set(player.received).size, player.received.length, `two feed ${key} at once`);
    for (const { from, to, key } of this.network.links) {
      const owner = this.#places.find(({ origin }) => origin.name === from)?.origin;
      assert.equal(
        owner?.stateOf(key),
        "published",
        `${to} pulls ${key} from ${from}, which does not own it`,
      );
    }
  }

  /** Origin and registry may differ about an owner, but not for long while they talk to each other. */
  #checkAgreement(origin: FakeOrigin, key: StreamKey, inTouchSince: number): void {
    const { store, clock } = this.world;
    const stored = store.streams.get(key);
    const alive = stored !== undefined && store.sessions.get(stored.origin)?.epoch === stored.epoch;
    const is = alive && stored.origin === origin.name ? `under ${stored.token}` : "not mine";
    const says = origin.stateOf(key) === "published" ? `under ${origin.tokenOf(key)}` : "not mine";
    const name = `${origin.instance} ${key}`;
    if (says === is) return void this.#differSince.delete(name);
    const since = this.#differSince.get(name) ?? clock.monotonic();
    this.#differSince.set(name, since);
    const lasted = clock.monotonic() - Math.max(since, inTouchSince);
    assert.ok(lasted < AGREE_WITHIN_MS, `for ${lasted} ms ${name} is ${says}, in the registry ${is}`);
  }

  #client(what: ClientStep, origin: FakeOrigin, key: StreamKey): void {
    if (!this.network.isPlugged(origin) || origin.clock.paused) return;
    const mine = this.#encoders.filter(
      (encoder) => encoder.origin === origin && encoder.publication.key === key,
    );
    if (what === "publish")
      origin.publish(key).then(
        (publication) =>
          this.network.isPlugged(origin) && this.#encoders.push({ origin, publication, silent: false }),
        () => {},
      );
    else if (what === "play")
      origin.play(key).then(
        (answer) => {
          // A process that was killed meanwhile answers nobody.
          if (answer.kind === "serve" && !answer.channel.ended && this.network.isPlugged(origin))
            this.#players.push({ origin, key, player: FakePlayer.on(answer.channel) });
        },
        () => {},
      );
    else if (what === "silence") for (const encoder of mine) encoder.silent = !encoder.silent;
    else if (what === "stopPlaying") {
      const index = this.#players.findIndex((player) => player.origin === origin && player.key === key);
      if (index >= 0) this.#players.splice(index, 1)[0]?.player.leave();
    } else {
      this.#encoders = this.#encoders.filter((encoder) => !mine.includes(encoder));
      for (const { publication } of mine)
        publication.end(what === "unpublish" ? "unpublished" : "disconnected");
    }
  }

  #trouble(place: Place, name: TroubleName): void {
    const { origin } = place;
    if (!this.network.isPlugged(origin)) return;
    const broken = name !== "fine" && name !== "deaf";
    const freeze = held();
    const troubles: Record<TroubleName, Trouble> = {
      ...{ fine, deaf: fine, away, mute: only("claimStream", mute), paused: freeze.trouble },
    };
    place.thaw();
    place.thaw = () => {};
    origin.registry.deaf = name === "deaf" || name === "paused";
    origin.registry.trouble = troubles[name];
    if (name === "paused") {
      origin.clock.pause();
      place.thaw = () => {
        origin.clock.resume();
        freeze.release();
      };
    }
    if (broken) place.inTouchSince = Infinity;
    else if (place.inTouchSince === Infinity) place.inTouchSince = this.world.clock.monotonic();
  }

  /** SIGKILL: nothing is said to anybody, and connections end. */
  #kill(place: Place): void {
    const { origin } = place;
    if (!this.network.isPlugged(origin)) return;
    this.network.unplug(origin);
    place.inTouchSince = Infinity;
    origin.registry.deaf = true;
    origin.registry.trouble = () => new Promise(() => {});
    origin.clock.pause();
    this.#encoders = this.#encoders.filter((encoder) => encoder.origin !== origin);
    this.#players = this.#players.filter((player) => player.origin !== origin);
    this.network.cut(origin.name);
  }

  async #restart(place: Place): Promise<void> {
    if (this.network.isPlugged(place.origin)) return;
    Object.assign(place, await this.#start(place.origin.name));
  }

  async #start(name: string): Promise<Place> {
    const instance = `${name}-${++this.#restarts}`;
    const onDuplicate = this.#policyOf({ name });
    const pauses = { takeoverPauseMin: "200ms", takeoverPauseMax: "1s", preferAfter: "3s" };
    const settings = { publish: { onDuplicate, ...pauses } };
    const origin = this.world.origin({ name, instance, settings, dialer: this.network.dialer });
    origin.probe.answer(`${name}.internal:8080`, { outcome: "refused" });
    this.network.plug(origin);
    await origin.fleet.start();
    return { origin, inTouchSince: this.world.clock.monotonic(), thaw: () => {} };
  }

  /** Let time pass, with media flowing, and look every now and then. */
  async #wait(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 400) {
      await this.world.clock.advance(Math.min(400, left));
      this.#feed();
      await this.check();
    }
  }

  #feed(): number {
    const number = ++this.#packets;
    for (const { publication, origin, silent } of this.#encoders)
      if (!publication.revoked.aborted && !origin.clock.paused && !silent)
        publication.source.write(packet(`${publication.key} ${number}`));
    return number;
  }
}
