import type { Registry } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { ExpectedIngest } from "../domain/stream-record.ts";
import type { Session } from "./session.ts";

/** The part of the registry that says who owns what, and what should be owned. */
export type Locator = Pick<Registry, "locate" | "lookUp">;

/** Hears which keys have an enabled ingest, and which have none, with every answer. */
export interface IngestListener {
  hear(key: StreamKey, ingest: ExpectedIngest | undefined): void;
}

/**
 * A locator that remembers the highest number it has read, also of streams that are not ours: should the registry be
 * replaced by an empty one, it is told with the next registration, and gives no lower one.
 */
export function notingLocator(
  registry: Locator,
  session: Pick<Session, "saw">,
  ingests: IngestListener,
): Locator {
  async function lookUp(keys: readonly StreamKey[]) {
    const found = await registry.lookUp(keys);
    found.forEach(({ location, ingest }, index) => {
      if (location) session.saw(Math.max(location.record.token, location.owner.epoch));
      ingests.hear(keys[index] as StreamKey, ingest);
    });
    return found;
  }
  return {
    lookUp,
    async locate(keys) {
      return (await lookUp(keys)).map(({ location }) => location);
    },
  };
}
