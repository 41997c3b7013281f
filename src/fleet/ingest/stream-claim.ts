import type { Registry } from "../../domain/ports/registry.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import { maskSourceUrl } from "../../domain/source-url.ts";
import type { Holding } from "../holding.ts";
import type { ClaimOutcome, Ownership } from "../ownership.ts";

export interface StreamClaimOptions {
  readonly stream: StreamKey;
  readonly url: string;
  /** Token under which the ingest was begun. */
  readonly token: number;
  readonly registry: Pick<Registry, "locate">;
  readonly ownership: Ownership;
  /** Whether this pull still has its right, and its place at the channel. */
  readonly still: () => boolean;
  /** The stream is ours: feed it, in the same breath. */
  readonly feed: (holding: Holding) => void;
}

export type StreamClaimed =
  | { readonly outcome: "fed"; readonly holding: Holding; readonly previous: string }
  /** An encoder has the name. */
  | { readonly outcome: "taken"; readonly by: string }
  /** The ingest is not ours any more. */
  | { readonly outcome: "stale" }
  /** Not now: with the next keyframe. */
  | { readonly outcome: "later" };

/**
 * Claim the stream of an ingest, as a publish does. An encoder that has it keeps it; a former pull, whose right has
 * ended, does not.
 *
 * @throws HoldfastError `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`
 */
export function claimIngested(options: StreamClaimOptions): Promise<StreamClaimed> {
  const { stream, ownership } = options;
  return ownership.inTurn(stream, async () => {
    if (!options.still()) return { outcome: "later" };
    const first = await ask(options, "reject");
    if (first.outcome !== "held" || !options.still()) return settle(options, first);
    const [location] = await options.registry.locate([stream]);
    if (!options.still()) return { outcome: "later" };
    if (location?.record.kind === "publish") return { outcome: "taken", by: location.owner.name };
    return settle(options, location ? await ask(options, "takeover") : first);
  });
}

function ask(
  { stream, url, token, ownership }: StreamClaimOptions,
  policy: "reject" | "takeover",
): Promise<ClaimOutcome> {
  return ownership.claim(stream, { policy, publisher: maskSourceUrl(url), codecs: "", ingest: token });
}

function settle({ ownership, still, feed }: StreamClaimOptions, outcome: ClaimOutcome): StreamClaimed {
  if (outcome.outcome === "stale-ingest") return { outcome: "stale" };
  if (outcome.outcome !== "granted") return { outcome: "later" };
  const { holding, previous } = outcome;
  if (holding.lost.aborted) return { outcome: "later" };
  if (!still()) {
    ownership.release(holding, "pull ended while claiming");
    return { outcome: "later" };
  }
  feed(holding);
  return { outcome: "fed", holding, previous };
}
