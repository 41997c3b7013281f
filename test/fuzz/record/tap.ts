import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP relay that keeps what clients send. */
export interface Tap {
  readonly address: string;
  /** Of each connection, in the order they came. */
  readonly captures: readonly { readonly chunks: readonly Buffer[]; readonly closed: boolean }[];
  stop(): Promise<void>;
}

/** Listen on a free port of 127.0.0.1 and hand everything on to `target`, `host:port`. */
export async function startTap(target: string): Promise<Tap> {
  const [host, port] = target.split(":") as [string, string];
  const captures: { chunks: Buffer[]; closed: boolean }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const capture = { chunks: [] as Buffer[], closed: false };
    captures.push(capture);
    const upstream = connect({ host, port: Number(port) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
    }
    client.on("data", (data) => void capture.chunks.push(Buffer.from(data)));
    client.pipe(upstream).pipe(client);
    client.on("close", () => {
      capture.closed = true;
      upstream.destroy();
    });
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    captures,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
