import { createServer } from "node:net";

/** Below Linux's range for outgoing connections, so that a server can come back on the port it had. */
const LOWEST = 12_000;
const COUNT = 10_000;

/**
 * A TCP port of 127.0.0.1 that nobody listens on; `offset` ports above it is free as well (0: not checked twice).
 *
 * Only for programs that cannot listen on port 0 and say what they got, such as redis-server.
 */
export async function freePort(offset = 0): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if ((await isFree(port)) && (offset === 0 || (await isFree(port + offset)))) return port;
  }
  throw new Error("no free port found");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
