import { asHoldfastError, type ErrorCode } from "../domain/errors.ts";
import type { Clock } from "../domain/ports/clock.ts";

/** What was asked of a gate: `relay` is another origin's play. */
export type GateRequest = "publish" | "play" | "relay";

/** How a gate answered, and after how long. `code`: why it refused. */
export type NoteAnswer = (
  request: GateRequest,
  answer: "accepted" | "redirected" | "refused",
  ms: number,
  code: ErrorCode | undefined,
) => void;

/** The gates of an origin, as far as they matter here. */
interface Gates<Publish, Publication, Play, Answer> {
  readonly publish: { publish(request: Publish): Promise<Publication> };
  readonly play: { play(request: Play): Promise<Answer> };
}

/** The same gates, with their answers counted. */
export function measuredGates<
  Publish,
  Publication,
  Play extends { readonly ticket?: string },
  Answer extends { readonly kind: "serve" | "redirect" },
>(
  { publish, play }: Gates<Publish, Publication, Play, Answer>,
  clock: Clock,
  note: NoteAnswer,
): Gates<Publish, Publication, Play, Answer> {
  async function measure<T>(request: GateRequest, ask: () => Promise<T>, isRedirect: (answer: T) => boolean) {
    const began = clock.monotonic();
    try {
      const answer = await ask();
      note(request, isRedirect(answer) ? "redirected" : "accepted", clock.monotonic() - began, undefined);
      return answer;
    } catch (error) {
      note(request, "refused", clock.monotonic() - began, asHoldfastError(error, "INTERNAL").code);
      throw error;
    }
  }
  return {
    publish: {
      publish: (request) =>
        measure(
          "publish",
          () => publish.publish(request),
          () => false,
        ),
    },
    play: {
      play: (request) =>
        measure(
          request.ticket === undefined ? "play" : "relay",
          () => play.play(request),
          ({ kind }) => kind === "redirect",
        ),
    },
  };
}
