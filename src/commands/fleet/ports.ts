import { createServer } from "node:net";
import { HoldfastError } from "../../domain/errors.ts";

/** The ports of one origin of the fleet. */
export interface PortTriple {
  readonly rtmp: number;
  readonly http: number;
  readonly api: number;
}

const MOST_TRIED = 1_000;

/**
 * `count` triples of ports that nobody uses, counting up from `first`. `skipped` hears of those that are taken.
 *
 * @throws HoldfastError `PORT_IN_USE` when there are not enough
 */
export async function chooseTriples(
  host: string,
  first: PortTriple,
  count: number,
  skipped: (triple: PortTriple, taken: number) => void,
): Promise<readonly PortTriple[]> {
  const chosen: PortTriple[] = [];
  const ours = new Set<number>();
  for (let i = 0; i < MOST_TRIED && chosen.length < count; i++) {
    const triple = { rtmp: first.rtmp + i, http: first.http + i, api: first.api + i };
    const ports = [triple.rtmp, triple.http, triple.api];
    if (ports.some((port) => port > 65_535)) break;
    const taken = await findTaken(host, ports, ours);
    if (taken !== undefined) {
      skipped(triple, taken);
      continue;
    }
    chosen.push(triple);
    for (const port of ports) ours.add(port);
  }
  if (chosen.length === count) return chosen;
  const detail = `only ${chosen.length} of ${count} triples of ports are free from ${Object.values(first).join(", ")} on`;
  throw new HoldfastError("PORT_IN_USE", { detail });
}

/** A port that nobody uses just now, chosen by the system. */
export async function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port: 0, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

async function findTaken(
  host: string,
  ports: readonly number[],
  ours: ReadonlySet<number>,
): Promise<number | undefined> {
  for (const port of ports) if (ours.has(port) || !(await isFree(host, port))) return port;
  return undefined;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
