import type { Logger } from "pino";
import { leaseOf, nextLeaseOf, readyLeaseOf } from "../../domain/ingest.ts";
import type { Leases } from "../../domain/ports/leases.ts";
import type { Registry } from "../../domain/ports/registry.ts";
import type { Session } from "../session.ts";

export interface FormerLeasesOptions {
  readonly registry: Pick<Registry, "ingests">;
  readonly leases: Pick<Leases, "bury">;
  readonly session: Pick<Session, "ref">;
  readonly log: Logger;
}

/**
 * End what earlier processes of this origin's name still hold: one that was killed and started again would wait for
 * its own leases to run out.
 *
 * Only at the start of a process, when it has its name: its predecessor is proven gone then, or its session is over
 * and with it every pull. Never throws: what cannot be ended runs out.
 */
export async function endFormerLeases(options: FormerLeasesOptions): Promise<void> {
  const { registry, leases, session, log } = options;
  const { ref } = session;
  if (!ref) return;
  try {
    const former = new Map<number, string[]>();
    for (const { owner, epoch, stream } of await registry.ingests.list()) {
      if (owner !== ref.name || epoch >= ref.epoch) continue;
      const names = [leaseOf(stream), nextLeaseOf(stream), readyLeaseOf(stream)];
      former.set(epoch, [...(former.get(epoch) ?? []), ...names]);
    }
    for (const [epoch, names] of former) {
      const ended = await leases.bury({ name: ref.name, epoch }, names);
      if (ended > 0) log.info({ epoch, leases: ended }, "leases of an earlier process ended");
    }
  } catch (error) {
    log.debug({ err: error }, "leases of earlier processes left to expire");
  }
}
