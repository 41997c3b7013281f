import { createConnection, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** A line between a client and a server that can fall silent: nothing comes through, and nobody is told. */
export class SilentLine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #silent = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listen on a free port of 127.0.0.1, and connect whoever comes to `target`, `host:port`. */
  static async to(target: string): Promise<SilentLine> {
    const server = createServer((near) => line.#join(near, target));
    const line = new SilentLine(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return line;
  }

  /** `host:port` to connect to. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  hush(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was on its way comes now. */
  speak(): void {
    this.#silent = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket, target: string): void {
    const [host = "", port = ""] = target.split(":");
    const far = createConnection(Number(port), host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (data: Buffer) => {
        to.write(data);
        if (this.#silent) from.pause();
      });
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
