import { HoldfastError } from "../domain/errors.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { ingestNotFound } from "./ingest-view.ts";

/**
 * Wish an ingest to run on `origin`; an empty name takes the wish back. The plan follows at once.
 *
 * @throws HoldfastError `INGEST_NOT_FOUND`; `ORIGIN_NOT_FOUND`, `ORIGIN_DRAINING` when it could not run there
 */
export async function wishMove(
  registry: Registry,
  stream: StreamKey,
  origin: string,
  by: string,
): Promise<void> {
  if (origin !== "") {
    const origins = await registry.listOrigins();
    const target = origins.find(({ name }) => name === origin);
    const names = origins.map(({ name }) => name).sort();
    const others = names.length === 0 ? "none is" : `live: ${names.join(", ")}`;
    if (!target)
      throw new HoldfastError("ORIGIN_NOT_FOUND", { detail: `no origin ${origin} is alive; ${others}` });
    if (target.state === "draining")
      throw new HoldfastError("ORIGIN_DRAINING", { detail: `${origin} is draining: nothing is moved there` });
  }
  if (!(await registry.ingests.setMove(stream, origin, by))) throw ingestNotFound(stream);
}
