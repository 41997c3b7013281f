import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { HoldfastError } from "../domain/errors.ts";
import { ReplayGuard } from "./replay-guard.ts";

/** What a ticket is good for. A ticket for one purpose, target or subject is of no use for another. */
export interface TicketScope {
  /** `relay`: play a stream. `peer`: call an endpoint under `/fleet/`. */
  readonly purpose: "relay" | "peer";
  /** Instance id of the origin that the ticket is shown to. */
  readonly target: string;
  /** The stream key, or method and path such as `GET /fleet/v1/streams`. */
  readonly subject: string;
}

const LIFE_MS = 30_000;
/** Origins agree on the time (the registry's) to within a round trip; this much is forgiven. */
const SKEW_MS = 5_000;
/** version . expiry in ms, base 36 . nonce . HMAC-SHA256, both base64url */
const TICKET = /^v1\.([0-9a-z]{1,11})\.([\w-]{16})\.([\w-]{43})$/;
/** Scheme of the `Authorization` header that carries a ticket. */
const SCHEME = "Holdfast ";

/**
 * How origins of one fleet prove that they belong to it: a ticket is an HMAC over its scope, a nonce and its expiry,
 * keyed with `cluster.key`. The key itself is never sent.
 *
 * Times are the registry's, in ms since 1970.
 */
export class ClusterKey {
  readonly #keys: readonly [Buffer, ...Buffer[]];
  readonly #replays = new ReplayGuard();

  /** @param previousKey also accepted, never used: while the key of a fleet is being replaced */
  constructor(key: string, previousKey?: string) {
    this.#keys = [Buffer.from(key), ...(previousKey === undefined ? [] : [Buffer.from(previousKey)])];
  }

  ticket(scope: TicketScope, now: number): string {
    const expires = Math.round(now + LIFE_MS).toString(36);
    const nonce = randomBytes(12).toString("base64url");
    return `v1.${expires}.${nonce}.${sign(this.#keys[0], scope, expires, nonce).toString("base64url")}`;
  }

  /**
   * Accept a ticket once.
   *
   * @throws HoldfastError `TICKET_INVALID`; the ticket itself is not in the error
   */
  admit(ticket: string, scope: TicketScope, now: number): void {
    const [, expires = "", nonce = "", mac = ""] = TICKET.exec(ticket) ?? [];
    if (nonce === "") throw invalid("it is not a ticket of this version");
    const given = Buffer.from(mac, "base64url");
    // Every key is compared, so that the time taken says nothing about which one it was.
    const right = this.#keys.filter((key) => timingSafeEqual(sign(key, scope, expires, nonce), given));
    if (right.length === 0) throw invalid("it was made with another key, or for something else");
    const until = parseInt(expires, 36);
    if (until <= now) throw invalid("it has expired");
    if (until > now + LIFE_MS + SKEW_MS) throw invalid("it expires too late: do the clocks differ?");
    if (!this.#replays.use(nonce, until, now)) throw invalid("it was used before");
  }

  /** The `Authorization` header for a request to another origin. */
  header(scope: TicketScope, now: number): string {
    return SCHEME + this.ticket(scope, now);
  }

  /**
   * Accept the `Authorization` header of another origin's request once.
   *
   * @throws HoldfastError `TICKET_INVALID`
   */
  admitHeader(header: string | undefined, scope: TicketScope, now: number): void {
    if (header === undefined || !header.startsWith(SCHEME)) throw invalid("there is none");
    this.admit(header.slice(SCHEME.length), scope, now);
  }
}

function sign(
  key: Buffer,
  { purpose, target, subject }: TicketScope,
  expires: string,
  nonce: string,
): Buffer {
  // JSON, so that no part can run over into the next.
  const text = JSON.stringify(["holdfast v1", purpose, target, subject, expires, nonce]);
  return createHmac("sha256", key).update(text).digest();
}

function invalid(reason: string): HoldfastError {
  return new HoldfastError("TICKET_INVALID", { detail: `the ticket is not valid: ${reason}`, reason });
}
