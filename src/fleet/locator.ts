import type { Registry } from "../domain/ports/registry.ts";
import type { Session } from "./session.ts";

/** The part of the registry that says who owns what. */
export type Locator = Pick<Registry, "locate">;

/**
 * A locator that remembers the highest number it has read, also of streams that are not ours: should the registry be
 * replaced by an empty one, it is told with the next registration, and gives no lower one.
 */
export function notingLocator(registry: Locator, session: Pick<Session, "saw">): Locator {
  return {
    async locate(keys) {
      const locations = await registry.locate(keys);
      for (const location of locations)
        if (location) session.saw(Math.max(location.record.token, location.owner.epoch));
      return locations;
    },
  };
}
