import type { Socket } from "node:net";
import { HoldfastError } from "../../domain/errors.ts";
import type { ClientInfo } from "../../fleet/gates.ts";
import { logSessionEnd, type ClientRole } from "../session-end.ts";
import type { FlvDeps } from "./handlers.ts";

/** Writes the one line that every session leaves, the same for FLV as for RTMP. */
export class FlvSessionLog {
  readonly #deps: Pick<FlvDeps, "log" | "clock">;
  readonly #client: ClientInfo;
  readonly #socket: Socket;
  readonly #role: ClientRole;
  readonly #began: number;

  constructor(deps: Pick<FlvDeps, "log" | "clock">, client: ClientInfo, socket: Socket, role: ClientRole) {
    this.#deps = deps;
    this.#client = client;
    this.#socket = socket;
    this.#role = role;
    this.#began = deps.clock.monotonic();
  }

  /** The error itself when it is ours. Anything else is a fault of this origin, and not for the client's eyes. */
  reasonOf(error: unknown): HoldfastError {
    if (error instanceof HoldfastError) return error;
    this.#deps.log.error({ session: this.#client.id, err: error }, "session failed");
    return new HoldfastError("INTERNAL", { detail: "this origin failed to handle the request" });
  }

  /** The session is over. Bytes are those of its connection. */
  end(reason: HoldfastError): void {
    const { bytesRead: bytesIn, bytesWritten: bytesOut } = this.#socket;
    const age = this.#deps.clock.monotonic() - this.#began;
    const session = { peer: this.#client, connection: { bytesIn, bytesOut }, age };
    logSessionEnd(this.#deps.log, session, this.#role, reason, 0);
  }
}
