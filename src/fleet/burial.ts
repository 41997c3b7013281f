import type { Logger } from "pino";
import { leaseOf, nextLeaseOf, PLANNER_LEASE, readyLeaseOf } from "../domain/ingest.ts";
import type { OriginRecord, SessionRef } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Leases } from "../domain/ports/leases.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { PeerProbe } from "../domain/ports/relay.ts";
import { sleep } from "./patience.ts";

export interface BurialTools {
  readonly registry: Pick<Registry, "ingests" | "suspect" | "bury" | "wakeAll">;
  readonly leases: Pick<Leases, "bury">;
  readonly probe: PeerProbe;
  readonly clock: Clock;
  readonly log: Logger;
  /** Name of this origin. */
  readonly self: string;
}

const PROBE_TIMEOUT_MS = 300;
/** A process that is just ending may accept and reset once more: asked again after each of these, ms. */
const ASK_AGAIN_MS = [20, 60, 150, 400];
/** How long the suspect has to beat, ms. */
const BEAT_WITHIN_MS = 300;

/**
 * The link to `peer` was closed by its side. If its process is proven dead, end what its session holds, so that others
 * may have it at once.
 *
 * The proof: its address refuses, or another instance answers there under its name; and its session does not beat
 * although it was woken. Whoever is silent proves nothing: then its time to live decides.
 *
 * @returns whether it was buried by us
 */
export async function buryIfDead(
  peer: OriginRecord,
  tools: BurialTools,
  stopped: AbortSignal,
): Promise<boolean> {
  const { registry, leases, clock, log, self } = tools;
  const { name, instance } = peer;
  if (!(await isGone(peer, tools, stopped))) return false;
  const suspicion = await registry.suspect(name, instance);
  if (!suspicion) return false;
  const session: SessionRef = { name, instance, epoch: suspicion.epoch };
  log.info({ peer: name, epoch: session.epoch, beat: suspicion.beat }, "peer suspected");
  const [held] = await Promise.all([leasesOf(session, tools), sleep(clock, BEAT_WITHIN_MS, stopped)]);
  if (stopped.aborted || !(await isGone(peer, tools, stopped))) return false;
  if (!(await registry.bury(session, suspicion.beat, self))) return false;
  log.warn({ peer: name, epoch: session.epoch, instance }, "peer buried");
  try {
    const ended = await leases.bury(session, held);
    log.info({ peer: name, epoch: session.epoch, leases: ended }, "leases of the dead ended");
  } catch (error) {
    log.warn({ peer: name, err: error }, "leases of the dead left to expire");
  }
  await registry.wakeAll();
  return true;
}

/** Nobody listens at its address, or its successor does. */
async function isGone(
  { name, instance, peer: address }: OriginRecord,
  { probe, clock }: BurialTools,
  stopped: AbortSignal,
): Promise<boolean> {
  for (const again of [...ASK_AGAIN_MS, 0]) {
    const answer = await probe.whoIs(address, PROBE_TIMEOUT_MS);
    if (answer.outcome === "refused") return true;
    if (answer.outcome === "instance") return answer.instance !== instance && answer.name === name;
    await sleep(clock, again, stopped);
    if (stopped.aborted) return false;
  }
  return false;
}

/** Names of the leases that it may hold. Without an answer only the planner's: the others run out. */
async function leasesOf(
  { name, epoch }: SessionRef,
  { registry, log }: BurialTools,
): Promise<readonly string[]> {
  try {
    const [records, plan] = await Promise.all([registry.ingests.list(), registry.ingests.plan()]);
    const owned = records.filter((record) => record.owner === name && record.epoch === epoch);
    const planned = plan.lines.filter(({ origin }) => origin === name);
    const streams = new Set([...owned, ...planned].map(({ stream }) => stream));
    return [
      ...[...streams].flatMap((stream) => [leaseOf(stream), nextLeaseOf(stream), readyLeaseOf(stream)]),
      PLANNER_LEASE,
    ];
  } catch (error) {
    log.debug({ peer: name, err: error }, "leases of the dead not listed");
    return [PLANNER_LEASE];
  }
}
