import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { OriginDescription } from "../domain/origin-record.ts";
import type { Channels } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { IngestPuller } from "../domain/ports/ingest-puller.ts";
import type { Leases } from "../domain/ports/leases.ts";
import type { PeerAsks } from "../domain/ports/peer-asks.ts";
import type { PeerLinks } from "../domain/ports/peer-links.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { PeerProbe, RelayDialer } from "../domain/ports/relay.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { Authorise } from "./authorise.ts";
import { ClusterKey } from "./cluster-key.ts";
import { Drain, type DrainDuty } from "./drain.ts";
import { DrainGate } from "./drain-gate.ts";
import { Demand } from "./ingest/demand.ts";
import { endFormerLeases } from "./ingest/former-leases.ts";
import { IngestKeeper } from "./ingest/keeper.ts";
import { Planner } from "./ingest/planner.ts";
import type { PlayGate, PublishGate } from "./gates.ts";
import { LocalStreams, type LocalStreamReport } from "./local-streams.ts";
import { notingLocator } from "./locator.ts";
import { Lookup } from "./lookup.ts";
import { OwnerWatch } from "./owner-watch.ts";
import { Obituary } from "./obituary.ts";
import { Ownership } from "./ownership.ts";
import { FleetPlayGate } from "./play.ts";
import { FleetPublishGate } from "./publish.ts";
import { RedirectGuard } from "./redirect-guard.ts";
import { RelayGate } from "./relay-gate.ts";
import { RelayKeeper } from "./relay-keeper.ts";
import { Session, type SessionDuties } from "./session.ts";
import type { FleetSettings } from "./settings.ts";
import { WishKeeper } from "./wish-keeper.ts";

export interface FleetOptions {
  readonly registry: Registry;
  /** Connected before `start`, and closed after `stop`. */
  readonly leases: Leases;
  readonly channels: Channels;
  readonly relayDialer: RelayDialer;
  readonly puller: IngestPuller;
  /** How to ask other origins what they pull; nobody is asked when absent. */
  readonly peerAsks?: PeerAsks;
  /** How to see other origins die; nobody is watched when absent. */
  readonly peerLinks?: PeerLinks;
  readonly peerProbe: PeerProbe;
  readonly clock: Clock;
  readonly log: Logger;
  /** A whole `Config` fits. */
  readonly settings: FleetSettings;
  /** What this origin says of itself, with its real addresses. Name and instance never change. */
  readonly describe: () => OriginDescription;
  /** Who may publish and play; everybody when absent. */
  readonly authorise?: Authorise;
  /** Event-loop share in use, 0 to 1. */
  readonly load?: () => number;
  /** From 0 to 1; for jitter. */
  readonly random?: () => number;
  /** What a drain hands over besides encoders. */
  readonly duties?: readonly DrainDuty[];
}

/** This origin as a member of the fleet. */
export interface Fleet {
  readonly publish: PublishGate;
  readonly play: PlayGate;
  readonly session: Session;
  readonly lookup: Lookup;
  /** How this origin leaves its fleet without losing a stream. */
  readonly drain: Drain;
  /** What this origin pulls of the configured sources. */
  readonly ingests: Pick<IngestKeeper, "pullsNow" | "states" | "counts">;
  /** Absent when there is no `cluster.key`. */
  readonly clusterKey: ClusterKey | undefined;
  /** Resolves when this origin must exit: another one lives under its name. */
  readonly ended: Promise<HoldfastError>;
  /** What is published, relayed and on hold here. */
  streams(): readonly LocalStreamReport[];
  /**
   * Register, and keep it up. The registry is connected, and the ports are open, so that the addresses are true.
   *
   * @throws HoldfastError `NAME_CONFLICT`; `REGISTRY_UNAVAILABLE` or `REGISTRY_REFUSED` when the first registration
   * fails. Later ones are repeated until they work.
   */
  start(): Promise<void>;
  /**
   * Give session and streams back at once, so that others may have them; then end every stream here. Encoders and
   * relays are reset and dial again elsewhere; players hear `STOPPING`. New requests are refused from now on.
   */
  stop(): Promise<void>;
}

/** Put together what an origin does in its fleet, from the ports it does it with. */
export function createFleet(options: FleetOptions): Fleet {
  const { registry, leases, clock, log, settings, channels } = options;
  const { authorise = {}, load = () => 0, random = Math.random, duties = [] } = options;
  const { name, instance, host } = options.describe();
  const describe = () =>
    drain.active ? { ...options.describe(), state: "draining" as const } : options.describe();
  const { key, previousKey } = settings.cluster;
  const clusterKey = key === undefined ? undefined : new ClusterKey(key, previousKey);

  const session = new Session({
    registry,
    probe: options.peerProbe,
    clock,
    log,
    lease: settings.lease,
    describe,
    load,
    random,
  });
  const demand = new Demand({
    ...{ ingests: () => registry.ingests, clock, log, idleStop: settings.ingest.idleStop },
    played: () => streams.played(),
  });
  const locator = notingLocator(registry, session, demand);
  const ownership = new Ownership({ registry, session, clock, log, publish: settings.publish });
  const watch = new OwnerWatch({ registry: locator, clock, log });
  const lookup = new Lookup({ registry: locator, clock });
  const ticket = ({ owner, record }: StreamLocation) => {
    if (!clusterKey) throw new HoldfastError("RELAY_FAILED", { detail: "this origin has no cluster.key" });
    const scope = { purpose: "relay", target: owner.instance, subject: record.key } as const;
    return clusterKey.ticket(scope, session.now());
  };
  const dialer = options.relayDialer;
  const relays = new RelayKeeper({
    ...{ registry: locator, dialer, clock, log, self: name, ticket, settings, random },
  });
  const leaving = () => drain.active;
  const streams = new LocalStreams({
    ...{ self: name, channels, ownership, relays, watch, clock, log, settings, leaving },
  });
  const publish = new FleetPublishGate({
    ...{ authorise, session, ownership, streams, channels, lookup, clock, log, settings },
  });
  const gate = new DrainGate(publish);
  const relayGate = new RelayGate({ clusterKey, name, instance, session, ownership, streams, lookup });
  const guard = new RedirectGuard(clock);
  const play = new FleetPlayGate({
    ...{
      authorise,
      describe,
      streams,
      ownership,
      lookup,
      watch,
      demand,
      relayGate,
      guard,
      clock,
      log,
      settings,
    },
  });
  const keeper = new IngestKeeper({
    ...{ registry, leases, session, ownership, streams, lookup, clock, log, random, settings },
    puller: options.puller,
    asks: options.peerAsks,
    here: { name, host },
    definitions: settings.ingests,
  });
  const planner = new Planner({
    ...{ registry, leases, session, clock, log, lease: settings.lease, self: name, random },
  });
  const { peerLinks: links, peerProbe: probe } = options;
  const obituary = links && new Obituary({ registry, leases, links, probe, clock, log, self: name, random });
  const players = () => streams.list().reduce((sum, stream) => sum + stream.players, play.waiting);
  const drain: Drain = new Drain({
    ...{ registry, session, gate, players, describe, clock, log, settings: settings.drain },
    duties: [...duties, keeper],
  });

  const wishes = new WishKeeper({ drain, gate, streams, log });
  const duty: SessionDuties = {
    count: () => ownership.count(),
    acknowledgements: () => ownership.acknowledgements(),
    registered() {
      keeper.registered();
      ownership.registered();
    },
    renewed(lost, acknowledged, wished) {
      ownership.renewed(lost, acknowledged);
      wishes.hear(wished);
    },
  };

  return {
    publish: gate,
    play,
    session,
    lookup,
    drain,
    ingests: keeper,
    clusterKey,
    ended: session.ended,
    streams: () => streams.list(),
    async start() {
      await session.start(duty);
      await endFormerLeases({ registry, leases, session, log });
      ownership.start();
      demand.start();
      keeper.start();
      obituary?.start();
      await planner.start();
    },
    async stop() {
      drain.stop();
      demand.stop();
      publish.stop();
      play.stop();
      await Promise.all([obituary?.stop(), planner.stop(), keeper.stop()]);
      const ended = session.ref;
      await session.stop("stopping");
      await ownership.stop(ended, "stopping").catch((error: unknown) => {
        log.debug({ err: error }, "records left to expire");
      });
      streams.stop(new HoldfastError("STOPPING"));
    },
  };
}
