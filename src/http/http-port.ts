import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { formatAddress } from "../domain/address.ts";
import { HoldfastError } from "../domain/errors.ts";
import type { Admission } from "../ops/admission.ts";

/** One listening HTTP port of an origin. */
export interface HttpPort {
  /** The application, for `inject` in tests. */
  readonly app: FastifyInstance;
  /** Where it listens, `host:port`; empty before `start`. */
  readonly address: string;
  /** Who was let in, and who was not. */
  readonly admission: Admission;
  /** @throws HoldfastError `PORT_IN_USE`; `CONFIG_INVALID` when the address is not one of this machine */
  start(): Promise<void>;
  /** Take no more requests, let running ones end for a moment, then close every connection. */
  stop(): Promise<void>;
}

export interface HttpPortOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Not shared with other workers. */
  readonly exclusive?: boolean;
  /** Name of the setting, for the error text, such as `http.port`. */
  readonly setting: string;
  /** Run first when stopping. */
  readonly beforeStop?: () => void;
  /** How long running requests may take to end, in ms. */
  readonly graceMs?: number;
}

/** Bind an application to its address. */
export function createHttpPort(
  app: FastifyInstance,
  admission: Admission,
  options: HttpPortOptions,
): HttpPort {
  let address = "";
  return {
    app,
    admission,
    get address() {
      return address;
    },
    async start() {
      try {
        const { host, port, exclusive = false } = options;
        await app.listen({ host, port, exclusive });
      } catch (error) {
        throw listenError(error, options);
      }
      const { port } = app.server.address() as AddressInfo;
      address = formatAddress(options.host, port);
    },
    async stop() {
      options.beforeStop?.();
      const hurry = setTimeout(() => app.server.closeAllConnections(), options.graceMs ?? 1_000);
      await app.close();
      clearTimeout(hurry);
    },
  };
}

function listenError(error: unknown, { host, port, setting }: HttpPortOptions): HoldfastError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const address = formatAddress(host, port);
  if (code === "EADDRINUSE")
    return new HoldfastError(
      "PORT_IN_USE",
      { detail: `${setting}: ${address} is already in use`, address, setting },
      { cause: error },
    );
  const reason = code === "EACCES" ? "this user may not listen there" : String(error);
  const detail = `${setting}: cannot listen on ${address}: ${reason}`;
  return new HoldfastError(
    "CONFIG_INVALID",
    { detail, address, setting, problems: [detail] },
    { cause: error },
  );
}
