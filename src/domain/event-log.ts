import type { RegistryEvent } from "./ports/registry.ts";

/** Entries that the event log keeps, about; so many are read to see all that is remembered. */
export const EVENT_LOG_LENGTH = 10_000;

/** What somebody wants to see of the log; nothing given is everything. */
export interface EventFilter {
  readonly stream?: string | undefined;
  /** The origin that did it, or the one that lost a stream by it. */
  readonly origin?: string | undefined;
}

export function isEventWanted(
  { fields }: Pick<RegistryEvent, "fields">,
  { stream, origin }: EventFilter,
): boolean {
  return (
    (stream === undefined || fields["stream"] === stream || fields["ingest"] === stream) &&
    (origin === undefined || fields["origin"] === origin || fields["previous"] === origin)
  );
}
