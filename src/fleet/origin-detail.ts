import { HoldfastError } from "../domain/errors.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { reportOriginDetail, type OriginDetailReport } from "../domain/reports.ts";

/**
 * One origin with its session's time left and the streams it owns, from the registry alone.
 *
 * @throws HoldfastError `ORIGIN_NOT_FOUND`, which names those that are alive; `REGISTRY_UNAVAILABLE`
 */
export async function findOriginDetail(registry: Registry, name: string): Promise<OriginDetailReport> {
  const [origins, streams, timeLeftMs] = await Promise.all([
    registry.listOrigins(),
    registry.listStreams(),
    registry.sessionTimeLeft(name),
  ]);
  const origin = origins.find((one) => one.name === name);
  if (origin) return reportOriginDetail(origin, timeLeftMs, streams);
  const names = origins.map((one) => one.name).sort();
  const others = names.length === 0 ? "none is" : `live: ${names.join(", ")}`;
  throw new HoldfastError("ORIGIN_NOT_FOUND", { detail: `no origin ${name} is alive; ${others}` });
}
