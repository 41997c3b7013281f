import pino from "pino";
import { configSchema, type ConfigInput } from "../../src/config/schema.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { Clock } from "../../src/domain/ports/clock.ts";
import type { Leases } from "../../src/domain/ports/leases.ts";
import type { PeerAsks } from "../../src/domain/ports/peer-asks.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import type { RelayDialer } from "../../src/domain/ports/relay.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import type { Authorise } from "../../src/fleet/authorise.ts";
import type { DrainDuty } from "../../src/fleet/drain.ts";
import { createFleet, type Fleet } from "../../src/fleet/fleet.ts";
import type { ClientInfo, PlayAnswer, PlayRequest, Publication } from "../../src/fleet/gates.ts";
import { MemoryLeases } from "../../src/registry/memory-leases.ts";
import { createMemoryRegistry } from "../../src/registry/memory-registry.ts";
import { MemoryStore } from "../../src/registry/memory-store.ts";
import { FakeChannels, FakePlayer, packet } from "./fake-channels.ts";
import { FakePeerProbe } from "./fake-peer-probe.ts";
import { FakePuller } from "./fake-puller.ts";
import { FakeRelayDialer } from "./fake-relay-dialer.ts";
import { ManualClock } from "./manual-clock.ts";
import { PausableClock } from "./pausable-clock.ts";
import { shakyRegistry, type ShakyRegistry } from "./shaky-registry.ts";

export const CLUSTER_KEY = "a key of the fleet under test";

export interface FakeOriginOptions {
  readonly name?: string;
  readonly instance?: string;
  readonly settings?: ConfigInput;
  readonly authorise?: Authorise;
  readonly dialer?: RelayDialer;
  readonly http?: string;
  /** Instead of the world's. */
  readonly registry?: Registry;
  /** Instead of the world's. */
  readonly leases?: Leases;
  readonly clock?: Clock;
  readonly duties?: readonly DrainDuty[];
  readonly asks?: PeerAsks;
}

/** Clock and registry that the origins of one test share. */
export class FakeWorld {
  readonly clock = new ManualClock();
  readonly store = new MemoryStore(this.clock);

  origin(options: FakeOriginOptions = {}): FakeOrigin {
    return new FakeOrigin(this, options);
  }

  async start(options: FakeOriginOptions = {}): Promise<FakeOrigin> {
    const origin = this.origin(options);
    await origin.fleet.start();
    await this.clock.advance(0);
    return origin;
  }
}

/** An origin without sockets: the whole fleet layer over a memory registry and channels that carry text. */
export class FakeOrigin {
  readonly name: string;
  readonly instance: string;
  readonly clock: PausableClock;
  readonly registry: ShakyRegistry;
  readonly channels: FakeChannels;
  readonly probe = new FakePeerProbe();
  readonly dialer: FakeRelayDialer;
  readonly puller = new FakePuller();
  readonly fleet: Fleet;
  #clients = 0;

  constructor({ clock, store }: FakeWorld, options: FakeOriginOptions) {
    this.name = options.name ?? "o1";
    this.instance = options.instance ?? `instance-of-${this.name}`;
    this.clock = new PausableClock(options.clock ?? clock);
    this.registry = shakyRegistry(options.registry ?? createMemoryRegistry(store));
    this.channels = new FakeChannels(this.clock);
    this.dialer = new FakeRelayDialer();
    const { name, instance } = this;
    this.fleet = createFleet({
      registry: this.registry,
      leases: options.leases ?? new MemoryLeases(store),
      channels: this.channels,
      relayDialer: options.dialer ?? this.dialer,
      puller: this.puller,
      ...(options.asks ? { peerAsks: options.asks } : {}),
      peerProbe: this.probe,
      clock: this.clock,
      log: pino({ level: process.env["TEST_LOG"] ?? "silent" }, pino.destination(2)).child({ origin: name }),
      settings: configSchema.parse({
        name,
        cluster: { key: CLUSTER_KEY },
        ...options.settings,
        // Encoders of tests are heard at once; who asks for a window gets one.
        publish: { maxWindow: "0s", ...options.settings?.publish },
      }),
      describe: () => ({
        ...{ name, instance, state: "up", weight: 1, version: "test" },
        host: name,
        rtmp: `${name}.example:1935`,
        http: options.http ?? `${name}.example:8080`,
        relay: `${name}.internal:1935`,
        peer: `${name}.internal:8080`,
      }),
      random: () => 0.5,
      ...(options.duties ? { duties: options.duties } : {}),
      ...(options.authorise ? { authorise: options.authorise } : {}),
    });
  }

  /** Publish; `left` stands for the encoder's connection. */
  publish(stream: string, left = new AbortController()): Promise<Publication> {
    return this.fleet.publish.publish({
      key: parseStreamKey(stream),
      query: "",
      client: this.client(),
      left: left.signal,
    });
  }

  /** Publish and send a first packet. */
  async live(stream: string, text = "first"): Promise<Publication> {
    const publication = await this.publish(stream);
    publication.source.write(packet(text));
    return publication;
  }

  play(stream: string, more: Partial<PlayRequest> = {}): Promise<PlayAnswer> {
    return this.fleet.play.play({
      key: parseStreamKey(stream),
      query: "",
      client: this.client(),
      redirected: false,
      left: new AbortController().signal,
      ...more,
    });
  }

  /** Play what is served here, and subscribe. */
  async watch(stream: string): Promise<FakePlayer> {
    const answer = await this.play(stream);
    if (answer.kind !== "serve") throw new Error(`redirected to ${answer.address}`);
    return FakePlayer.on(answer.channel);
  }

  client(more: Partial<ClientInfo> = {}): ClientInfo {
    const id = `${this.name}-${++this.#clients}`;
    return { id, protocol: "rtmp", address: "192.0.2.1", agent: "test", srs: false, ...more };
  }

  /** What this origin says of one stream: its state, or `undefined`. */
  stateOf(stream: string): string | undefined {
    return this.fleet.streams().find((report) => report.stream === stream)?.state;
  }

  tokenOf(stream: string): number {
    return this.fleet.streams().find((report) => report.stream === stream)?.token ?? 0;
  }
}

/** The code of the error that a promise rejects with; fails when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof HoldfastError) return error.code;
  throw error;
}

/** What became of a promise so far. */
export function peek<T>(promise: Promise<T>): { value?: T; error?: HoldfastError; pending: boolean } {
  const state: { value?: T; error?: HoldfastError; pending: boolean } = { pending: true };
  promise.then(
    (value) => Object.assign(state, { value, pending: false }),
    (error: HoldfastError) => Object.assign(state, { error, pending: false }),
  );
  return state;
}
