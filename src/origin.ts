import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Logger } from "pino";
import { advertisedAddresses, type BoundPorts } from "./config/advertise.ts";
import type { Config } from "./config/schema.ts";
import type { DrainEnd } from "./domain/drain-state.ts";
import { HoldfastError } from "./domain/errors.ts";
import type { OriginDescription } from "./domain/origin-record.ts";
import type { Clock } from "./domain/ports/clock.ts";
import type { Leases } from "./domain/ports/leases.ts";
import type { Registry } from "./domain/ports/registry.ts";
import type { Authorise } from "./fleet/authorise.ts";
import { explainStream } from "./fleet/explain.ts";
import { createFleet } from "./fleet/fleet.ts";
import type { LocalStreamReport } from "./fleet/local-streams.ts";
import { createApiApp } from "./http/api-app.ts";
import { createPeerApp } from "./http/peer-app.ts";
import { createPeerAsks } from "./http/peer-asks.ts";
import { authorizeAs, peerDoor } from "./http/peer-door.ts";
import { createPeerLinks } from "./http/peer-links.ts";
import { peerProbe } from "./http/peer-probe.ts";
import { createPublicApp } from "./http/public-app.ts";
import type { Readiness } from "./http/routes-health.ts";
import { MediaChannels } from "./media/channels.ts";
import { receiveBudgets } from "./media/receive-budgets.ts";
import { ReadPace } from "./media/read-pace.ts";
import { createIngestPuller } from "./media/ingest/puller.ts";
import { createFlvHandlers } from "./media/flv/handlers.ts";
import { createRelayDialer } from "./media/rtmp/relay-dialer.ts";
import { createRtmpServer } from "./media/rtmp/server.ts";
import { systemClock } from "./ops/clock.ts";
import { eventLoopLoad } from "./ops/load.ts";
import { createLogger } from "./ops/logger.ts";
import { keepTrying } from "./ops/keep-trying.ts";
import { measuredGates } from "./ops/measured-gates.ts";
import { OriginMetrics, type WorkerMetrics } from "./ops/metrics.ts";
import { createStores } from "./registry/stores.ts";

/** Where an origin listens, `host:port`; real once it has started. */
export type OriginAddresses = {
  readonly rtmp: string;
  readonly rtmps?: string;
  readonly http: string;
  readonly api: string;
};

/** One origin, with everything it consists of. Several can run in one process. */
export interface Origin {
  readonly name: string;
  /** Random id of this run. */
  readonly instance: string;
  readonly addresses: OriginAddresses;
  /** Resolves when this origin cannot go on: `NAME_CONFLICT`. Stop it then. */
  readonly ended: Promise<HoldfastError>;
  /** What is published, relayed and on hold here. */
  streams(): readonly LocalStreamReport[];
  /** Its metrics in Prometheus' text format, without those of other workers. */
  metrics(): Promise<string>;
  /**
   * Open the ports, then register. While the registry cannot be reached the ports are open, `/readyz` says so, and
   * the first registration is tried until it works or `stop` is called.
   *
   * @throws HoldfastError `PORT_IN_USE`, `CONFIG_INVALID`, `REGISTRY_REFUSED`, `NAME_CONFLICT`, `STOPPING`.
   *         Everything that was opened is closed again.
   */
  start(): Promise<void>;
  /**
   * Leave the fleet without losing a stream: take nothing new, move encoders elsewhere, keep the players for a while.
   * Resolves when nobody is left, nobody else could take the streams, or `drain.deadline` is over; `stop` is the next
   * step then. Joins a drain that is under way.
   *
   * @param options.final the process ends afterwards: it cannot be undone any more
   */
  drain(options?: { readonly final?: boolean }): Promise<DrainEnd>;
  /** Take new streams again. False when this origin does not drain, or must end. */
  undrain(): boolean;
  /** Resolves when a drain is over that was not undone, whoever began it. Stop the origin then. */
  readonly drained: Promise<DrainEnd>;
  /** Give session and streams back at once, then end connections in order. May be called at any time. */
  stop(): Promise<void>;
}

/** One of several origins that share their ports: a worker of `host`. */
export interface WorkerPlace extends WorkerMetrics {
  /** Name of all of them together. */
  readonly host: string;
}

/** What a test or an embedding program may replace. */
export interface OriginOverrides {
  readonly log?: Logger;
  readonly version?: string;
  readonly clock?: Clock;
  /** Instead of the one that `redis.url` names. */
  readonly registry?: Registry;
  /** Instead of those that `redis` names. */
  readonly leases?: Leases;
  /** Who may publish and play; everybody when absent. */
  readonly authorise?: Authorise;
  /** Its ports are shared by others; what other origins need gets ports of its own. */
  readonly worker?: WorkerPlace;
}

/** Put an origin together from its settings. Opens nothing before `start`. */
export function createOrigin(config: Config, overrides: OriginOverrides = {}): Origin {
  const { version = "0.0.0", clock = systemClock, authorise = {}, worker } = overrides;
  const { name } = config;
  const instance = randomUUID();
  const log = overrides.log ?? createLogger(config.log, { service: "holdfast", origin: name, version });
  const metrics = new OriginMetrics({ name, instance, version, clock, worker, settings: config.metrics });
  const stores = createStores(config, clock, log);
  const registry = metrics.registry(overrides.registry ?? stores.registry);
  const leases = overrides.leases ?? stores.leases;
  const stopping = new AbortController();
  const bound: { -readonly [Port in keyof BoundPorts]: BoundPorts[Port] } = {
    rtmp: config.rtmp.port,
    http: config.http.port,
  };

  const pace = new ReadPace(clock, config.publish.maxWindow);
  const budgets = receiveBudgets(config.limits, pace);
  const channels = new MediaChannels({ clock, config, log });
  const authorize = authorizeAs(() => fleet);
  const fleet = createFleet({
    registry,
    leases,
    channels,
    relayDialer: metrics.dialer(createRelayDialer({ config, clock, log, budgets })),
    puller: createIngestPuller({ config, clock, log, budgets }),
    peerProbe,
    peerAsks: createPeerAsks({ authorize, probe: peerProbe }),
    peerLinks: createPeerLinks(authorize),
    clock,
    log,
    settings: config,
    describe,
    authorise,
    load: eventLoopLoad(),
  });
  const gates = measuredGates(fleet, clock, metrics.answered);
  const lookup = (key: Parameters<typeof fleet.lookup.find>[0]) => fleet.lookup.find(key);
  const { relayPort, peerPort } = workerPorts(config, worker);
  const rtmp = createRtmpServer({ config, ...gates, log, clock, budgets, relayPort });
  const flv = createFlvHandlers({ config, ...gates, log, clock, budgets });
  const identity = { name, instance };
  const door = peerDoor(fleet, instance);
  const http = createPublicApp({ config, identity, door, flv, lookup, readiness, log });
  const peer =
    peerPort === undefined ? undefined : createPeerApp({ config, port: peerPort, identity, door, log });
  const explain = (key: Parameters<typeof explainStream>[1]) =>
    explainStream({ registry, leases, clock }, key);
  const api = createApiApp({ config, version, registry, leases, lookup, explain, readiness, metrics, log });

  function describe(): OriginDescription {
    const state = stopping.signal.aborted ? "draining" : "up";
    const host = worker?.host ?? name;
    const addresses = advertisedAddresses(config, bound, hostname(), host);
    return { name, host, instance, ...addresses, state, weight: config.weight, version };
  }

  function readiness(): Readiness {
    const { live } = fleet.session;
    const { active, timeLeft } = fleet.drain;
    const leaving = `draining: no new streams, ends within ${Math.ceil(timeLeft / 1_000)} s`;
    return {
      drain: { ok: !active, detail: active ? leaving : "not draining" },
      running: { ok: !stopping.signal.aborted, detail: stopping.signal.aborted ? "stopping" : "running" },
      session: { ok: live, detail: live ? "registered" : "not registered: new streams are refused" },
      registry: {
        ok: registry.available,
        detail: registry.available ? registry.address : `no answer from ${registry.address}`,
      },
    };
  }

  async function open(): Promise<void> {
    metrics.start({
      sessions: [rtmp.tally, flv.tally],
      doors: { rtmp: rtmp.admission, http: http.admission, api: api.admission },
      channels,
      halfReceived: budgets.all,
      reads: pace,
      registry,
      session: fleet.session,
      ingests: fleet.ingests,
      streams: () => fleet.streams(),
      ready: () => Object.values(readiness()).every(({ ok }) => ok),
    });
    await rtmp.listen();
    await http.start();
    await api.start();
    await peer?.start();
    bound.rtmp = portOf(rtmp.address);
    bound.http = portOf(http.address);
    if (rtmp.relayAddress !== undefined) bound.relay = portOf(rtmp.relayAddress);
    if (peer) bound.peer = portOf(peer.address);
    const attempts = { clock, log, signal: stopping.signal };
    const warnings = await keepTrying(() => registry.connect(), attempts);
    for (const warning of warnings) log.warn({ warning, registry: registry.address }, "registry is doubtful");
    await keepTrying(() => leases.connect(), attempts);
    await keepTrying(() => fleet.start(), attempts);
  }

  async function close(): Promise<void> {
    stopping.abort(new HoldfastError("STOPPING"));
    await fleet.stop();
    await Promise.all([rtmp.stop(), http.stop(), api.stop(), peer?.stop()]);
    await Promise.all([registry.close(), leases.close()]);
  }

  let closed: Promise<void> | undefined;
  const stop = () => (closed ??= close());
  return {
    name,
    instance,
    get addresses() {
      const secure = rtmp.tlsAddress === undefined ? {} : { rtmps: rtmp.tlsAddress };
      return { rtmp: rtmp.address, ...secure, http: http.address, api: api.address };
    },
    ended: fleet.ended,
    drained: fleet.drain.finished,
    streams: () => fleet.streams(),
    metrics: () => metrics.own(),
    drain: (options) => fleet.drain.begin(options),
    undrain: () => fleet.drain.leave(),
    async start() {
      try {
        await open();
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
  };
}

/** The ports that a worker does not share. */
function workerPorts({ workers }: Config, worker: WorkerPlace | undefined) {
  const own = (first: number) => worker && (first === 0 ? 0 : first + worker.number - 1);
  return { relayPort: own(workers.relayPort), peerPort: own(workers.peerPort) };
}

/** The port of `host:port`. */
function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
