import { HoldfastError } from "../domain/errors.ts";
import type { SessionRef } from "../domain/origin-record.ts";
import type { ClaimPolicy, ClaimResult, Registry } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { OwnedStream, SwitchReason } from "../domain/stream-record.ts";
import type { Session } from "./session.ts";
import type { FleetSettings } from "./settings.ts";

export interface ClaimsOptions {
  readonly registry: Registry;
  readonly session: Session;
  readonly publish: FleetSettings["publish"];
}

export interface ClaimWish {
  readonly policy: ClaimPolicy;
  /** Address of the encoder, or the source's URL without credentials. */
  readonly publisher: string;
  readonly codecs: string;
  /** @see rankOf */
  readonly rank?: number;
  /** Why an encoder that stood by goes on now. */
  readonly switched?: SwitchReason;
  /** Token under which this origin pulls the ingest that feeds it; absent for an encoder. */
  readonly ingest?: number;
}

export type ClaimAnswer =
  | ClaimResult
  /** Granted, and taken over by another origin before the answer was here. */
  | { readonly outcome: "overtaken"; readonly token: number };

/** Life of a stream record without a touch. Garbage collection only: it counts no longer than its owner's session. */
export const RECORD_TTL_MS = 30_000;

/** Asks the registry for streams, and notices when an answer was overtaken on its way. */
export class Claims {
  readonly #options: ClaimsOptions;
  /** Keys whose claim is under way, with the highest token that another was given meanwhile. */
  readonly #open = new Map<StreamKey, number>();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /**
   * Ask once. One claim of a key at a time.
   *
   * @param formerToken highest token known for the key, 0 for none
   * @throws HoldfastError `REGISTRY_UNAVAILABLE` when there is no live session or no answer, `REGISTRY_REFUSED`
   */
  async ask(
    ref: SessionRef | undefined,
    key: StreamKey,
    wish: ClaimWish,
    formerToken: number,
  ): Promise<ClaimAnswer> {
    const { registry, session, publish } = this.#options;
    if (!ref || !session.live) throw noSession();
    this.#open.set(key, 0);
    try {
      const pauseMinMs = wish.switched ? publish.preferAfter : publish.takeoverPauseMin;
      const result = await registry.claimStream(ref, {
        rank: 0,
        switched: "",
        ...wish,
        key,
        kind: wish.ingest ? "ingest" : "publish",
        ingestToken: wish.ingest ?? 0,
        ttlMs: RECORD_TTL_MS,
        formerToken,
        pauseMinMs,
        pauseMaxMs: Math.max(pauseMinMs, publish.takeoverPauseMax),
      });
      if (result.outcome === "session-lost") session.suspect(ref.epoch);
      if (result.outcome !== "granted") return result;
      session.saw(result.token);
      const other = this.#open.get(key) ?? 0;
      if (other > result.token) return { outcome: "overtaken", token: other };
      // Granted to a session that has been replaced meanwhile: as good as never granted.
      return session.ref?.epoch === ref.epoch ? result : { outcome: "session-lost" };
    } finally {
      this.#open.delete(key);
    }
  }

  /** Another origin was given this stream. */
  hear({ key, token }: OwnedStream): void {
    const highest = this.#open.get(key);
    if (highest !== undefined && token > highest) this.#open.set(key, token);
  }
}

/** Why nothing can be claimed while the session is not live. */
export function noSession(): HoldfastError {
  const detail = "the registry does not answer, so that the stream cannot be registered; try again";
  return new HoldfastError("REGISTRY_UNAVAILABLE", { detail });
}
