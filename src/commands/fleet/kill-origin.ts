import { HoldfastError } from "../../domain/errors.ts";
import { isAlive } from "./process-identity.ts";
import { findFleets } from "./state-file.ts";

/**
 * SIGKILL one origin of a fleet on this machine, as a crash would end it.
 *
 * @returns its process number
 * @throws HoldfastError `ORIGIN_NOT_FOUND`; `REQUEST_INVALID` when several fleets have an origin of that name
 */
export async function killOrigin(name: string): Promise<number> {
  const fleets = await findFleets();
  const named = fleets.flatMap((fleet) => fleet.origins.filter((origin) => origin.name === name));
  // The number may belong to another process by now.
  const alive = named.filter((origin) => isAlive(origin.process));
  const [origin, ...others] = alive;
  if (others.length > 0) {
    const pids = alive.map((one) => one.process.pid).join(", ");
    const detail = `${alive.length} fleets on this machine have an ${name} (processes ${pids}): kill one yourself`;
    throw new HoldfastError("REQUEST_INVALID", { detail });
  }
  if (!origin)
    throw new HoldfastError("ORIGIN_NOT_FOUND", { detail: whyNot(name, fleets.length, named.length) });
  process.kill(origin.process.pid, "SIGKILL");
  return origin.process.pid;
}

function whyNot(name: string, fleets: number, named: number): string {
  if (fleets === 0) return "no `holdfast fleet` of this user runs on this machine";
  return named > 0 ? `${name} is dead already` : `no fleet on this machine has an origin ${name}`;
}
