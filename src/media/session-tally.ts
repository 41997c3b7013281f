import type { ErrorCode } from "../domain/errors.ts";
import type { ClientProtocol } from "../fleet/gates.ts";
import { Counts, type Sample } from "../ops/counts.ts";

/** A connection, as it is counted. */
export interface CountedSession {
  readonly peer: { readonly protocol: ClientProtocol };
  readonly connection: { readonly bytesIn: number; readonly bytesOut: number };
  /** What it does, or did last. */
  readonly lastRole: CountedRole | undefined;
}

export interface CountedRole {
  readonly kind: "publisher" | "player";
  /** True while it publishes or plays: the gate has accepted it, and it has not left. */
  readonly active: boolean;
  /** It plays for another origin. */
  readonly relays?: boolean;
}

/** `relay`: another origin that pulls. `none`: it has not said what it wants, or was refused, or has left. */
type RoleLabel = (typeof ROLES)[number];
const ROLES = ["publisher", "player", "relay", "none"] as const;

/** Counts the sessions of one server for metrics: those that are open now, how others ended, and their bytes. */
export class SessionTally {
  readonly #protocols: readonly ClientProtocol[];
  readonly #open = new Set<CountedSession>();
  readonly #ends = new Counts<{ protocol: ClientProtocol; role: RoleLabel; code: ErrorCode }>();
  readonly #received = new Counts<{ protocol: ClientProtocol }>();
  readonly #sent = new Counts<{ protocol: ClientProtocol }>();

  /** @param protocols  those of the server; each is told of from the beginning, with 0 */
  constructor(protocols: readonly ClientProtocol[]) {
    this.#protocols = protocols;
    for (const protocol of protocols) {
      this.#received.add({ protocol }, 0);
      this.#sent.add({ protocol }, 0);
    }
  }

  begin(session: CountedSession): void {
    this.#open.add(session);
  }

  /** Its last numbers are added to the totals. Does nothing when called again. */
  end(session: CountedSession, code: ErrorCode): void {
    if (!this.#open.delete(session)) return;
    const { protocol } = session.peer;
    this.#ends.add({ protocol, role: labelOf(session.lastRole), code });
    this.#received.add({ protocol }, session.connection.bytesIn);
    this.#sent.add({ protocol }, session.connection.bytesOut);
  }

  /** Open sessions by protocol and role. */
  get open(): Iterable<Sample> {
    const counts = new Counts<{ protocol: ClientProtocol; role: RoleLabel }>();
    for (const protocol of this.#protocols) for (const role of ROLES) counts.add({ protocol, role }, 0);
    for (const { peer, lastRole } of this.#open)
      counts.add({ protocol: peer.protocol, role: lastRole?.active === true ? labelOf(lastRole) : "none" });
    return counts;
  }

  /** Ended sessions by protocol, role and code. */
  get ends(): Iterable<Sample> {
    return this.#ends;
  }

  get received(): Iterable<Sample> {
    return this.#with(this.#received, ({ bytesIn }) => bytesIn);
  }

  get sent(): Iterable<Sample> {
    return this.#with(this.#sent, ({ bytesOut }) => bytesOut);
  }

  /** What ended sessions left, and what the open ones have so far. */
  #with(
    ended: Iterable<Sample>,
    bytes: (connection: CountedSession["connection"]) => number,
  ): Iterable<Sample> {
    const counts = new Counts<Readonly<Record<string, string>>>();
    for (const { labels, value } of ended) counts.add(labels, value);
    for (const { peer, connection } of this.#open) counts.add({ protocol: peer.protocol }, bytes(connection));
    return counts;
  }
}

function labelOf(role: CountedRole | undefined): RoleLabel {
  if (!role) return "none";
  return role.relays === true ? "relay" : role.kind;
}
