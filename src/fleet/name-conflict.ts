import { HoldfastError } from "../domain/errors.ts";
import type { OriginRecord } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { RegisterResult, Registry } from "../domain/ports/registry.ts";
import type { PeerProbe } from "../domain/ports/relay.ts";
import { sleep } from "./patience.ts";

export interface NameClaim {
  /** Random id of this process. */
  readonly instance: string;
  /**
   * Whether this process has just started: only then may a live session be replaced. One that comes back after a
   * pause finds a holder that is newer than itself.
   */
  readonly starting: boolean;
  readonly clock: Clock;
  readonly probe: PeerProbe;
  /** Ask the registry once; with `replaceInstance`, that instance's session may be replaced. */
  readonly register: (replaceInstance?: string) => Promise<RegisterResult>;
  /** Gives up when fired. */
  readonly stopped: AbortSignal;
}

type Registered = Extract<RegisterResult, { outcome: "registered" }>;

const PROBE_TIMEOUT_MS = 1_000;
const WATCH_EVERY_MS = 250;
/** A session ends within its time to live; this much later the registry itself is wrong. */
const WATCH_GRACE_MS = 2_000;
/** How many holders of the name, one after another, are looked into. */
const MAX_HOLDERS = 3;

/**
 * Register, and find out whether a session that is in the way belongs to somebody alive.
 *
 * - Its address answers with *my* instance id, or refuses: the holder is gone (the same host, restarted); replaced,
 *   when this process is starting.
 * - Its address answers with the holder's id: alive.
 * - Nothing answers, or somebody else does: its beat decides. Moving: alive. Still: it expires within its TTL, and
 *   the name is free.
 *
 * @throws HoldfastError `NAME_CONFLICT`, `STOPPING`; what `register` throws
 */
export async function registerName(claim: NameClaim): Promise<Registered> {
  let replace: string | undefined;
  let watched: { holder: OriginRecord; until: number } | undefined;
  for (let holders = 0; ;) {
    const result = await claim.register(replace);
    if (result.outcome === "registered") return result;
    if (claim.stopped.aborted) throw new HoldfastError("STOPPING");
    const { holder, ttlMs } = result;
    replace = undefined;
    if (watched?.holder.instance === holder.instance) {
      const over = claim.clock.monotonic() > watched.until;
      if (holder.beat !== watched.holder.beat || over) throw conflict(holder);
      await sleep(claim.clock, WATCH_EVERY_MS, claim.stopped);
    } else {
      if (++holders > MAX_HOLDERS) throw conflict(holder);
      const found = await lookAt(holder, claim);
      if (found === "alive") throw conflict(holder);
      if (found === "gone" && claim.starting) replace = holder.instance;
      else watched = { holder, until: claim.clock.monotonic() + ttlMs + WATCH_GRACE_MS };
    }
  }
}

async function lookAt(holder: OriginRecord, claim: NameClaim): Promise<"alive" | "gone" | "unknown"> {
  if (holder.peer === "") return "unknown";
  const answer = await claim.probe.whoIs(holder.peer, PROBE_TIMEOUT_MS);
  if (answer.outcome !== "instance") return answer.outcome === "refused" ? "gone" : "unknown";
  if (answer.instance === claim.instance) return "gone";
  // Another process at that address proves nothing: the address may have been given to another origin since.
  return answer.instance === holder.instance ? "alive" : "unknown";
}

/** What an origin exits with that finds its session held by another instance: with its address, if it can be had. */
export async function conflictWith(
  registry: Registry,
  name: string,
  instance: string,
): Promise<HoldfastError> {
  const origins = await registry.listOrigins().catch(() => []);
  return conflict(origins.find((origin) => origin.name === name) ?? { name, instance, peer: "", relay: "" });
}

function conflict(holder: Pick<OriginRecord, "name" | "peer" | "relay" | "instance">): HoldfastError {
  const address = holder.peer || holder.relay || "an unknown address";
  return new HoldfastError("NAME_CONFLICT", {
    detail: `another origin is alive under this name at ${address}; give this one a name of its own (name: ${holder.name})`,
    origin: holder.name,
    address,
    instance: holder.instance,
  });
}
