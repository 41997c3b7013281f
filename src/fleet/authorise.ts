import { asHoldfastError, HoldfastError } from "../domain/errors.ts";
import type { PlayRequest, PublishRequest } from "./gates.ts";

/**
 * Who may publish and play. Asked before everything else; a rejection refuses the client: with the HoldfastError
 * that was thrown, or with `PUBLISH_UNAUTHORISED` / `PLAY_UNAUTHORISED`.
 *
 * Relays are not asked about: their origin has asked for its own players, and the cluster key speaks for it.
 */
export interface Authorise {
  publish?(request: PublishRequest): Promise<void>;
  play?(request: PlayRequest): Promise<void>;
}

export async function authorisePublish(authorise: Authorise, request: PublishRequest): Promise<void> {
  try {
    await authorise.publish?.(request);
  } catch (error) {
    throw asHoldfastError(error, "PUBLISH_UNAUTHORISED");
  }
  throwIfLeft(request.left);
}

export async function authorisePlay(authorise: Authorise, request: PlayRequest): Promise<void> {
  try {
    await authorise.play?.(request);
  } catch (error) {
    throw asHoldfastError(error, "PLAY_UNAUTHORISED");
  }
  throwIfLeft(request.left);
}

/** To be called after every await in the name of a client. */
export function throwIfLeft(left: AbortSignal): void {
  if (left.aborted) throw new HoldfastError("CLIENT_LEFT", {}, { cause: left.reason });
}
