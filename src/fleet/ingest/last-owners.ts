import type { IngestRecord } from "../../domain/ingest.ts";
import type { OriginRecord } from "../../domain/origin-record.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { PeerAsks } from "../../domain/ports/peer-asks.ts";

export interface LastOwnersOptions {
  readonly asks: PeerAsks | undefined;
  readonly self: string;
  readonly clock: Clock;
}

interface Known {
  readonly origin: OriginRecord;
  seenAt: number;
  /** Monotonic ms: it did not answer a moment ago, and is not asked again until then. */
  silentUntil: number;
}

/** Sessions are remembered for so long after they were seen last, in ms. */
const REMEMBERED_MS = 60_000;
const SILENT_FOR_MS = 1_000;

/**
 * Asks who pulled an ingest last whether it still does, past the registry: its lease may have run out while its
 * connection to the source lives on. Of a session that has ended the address is remembered from when it was alive.
 */
export class LastOwners {
  readonly #options: LastOwnersOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: LastOwnersOptions) {
    this.#options = options;
  }

  /** What the registry lists now. */
  see(origins: readonly OriginRecord[]): void {
    const now = this.#options.clock.monotonic();
    for (const origin of origins) {
      const id = idOf(origin.name, origin.epoch);
      const known = this.#known.get(id);
      if (known) known.seenAt = now;
      else this.#known.set(id, { origin, seenAt: now, silentUntil: -Infinity });
    }
    for (const [id, { seenAt }] of this.#known) if (now - seenAt > REMEMBERED_MS) this.#known.delete(id);
  }

  /**
   * Whether the last owner was reached, and says that it pulls. Who gave it back in order is not asked, nor is anybody
   * with `overlap`: there the owner is to go on until it is relieved.
   */
  async goesOn({ owner, epoch, state, overlap, stream }: IngestRecord): Promise<boolean> {
    const { asks, self, clock } = this.#options;
    const known = this.#known.get(idOf(owner, epoch));
    if (!asks || !known || owner === self || state === "idle" || overlap) return false;
    if (clock.monotonic() < known.silentUntil) return false;
    const answer = await asks.pulls(known.origin, stream);
    if (answer === "unknown") known.silentUntil = clock.monotonic() + SILENT_FOR_MS;
    return answer === "pulls";
  }
}

function idOf(name: string, epoch: number): string {
  return `${name}@${epoch}`;
}
