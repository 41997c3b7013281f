import type { Socket } from "node:net";
import { HoldfastError } from "../../domain/errors.ts";
import type { ClientInfo } from "../../fleet/gates.ts";
import { logSessionEnd, type ClientRole } from "../session-end.ts";
import type { CountedSession } from "../session-tally.ts";
import type { FlvDeps } from "./handlers.ts";

type LogDeps = Pick<FlvDeps, "log" | "clock" | "tally">;

/** Counts a session, and writes the one line that each leaves, the same for FLV as for RTMP. */
export class FlvSessionLog implements CountedSession {
  readonly peer: ClientInfo;
  readonly lastRole: ClientRole & { active: boolean };
  readonly connection: CountedSession["connection"];
  readonly #deps: LogDeps;
  readonly #socket: Socket;
  readonly #began: number;

  constructor(deps: LogDeps, client: ClientInfo, socket: Socket, role: ClientRole) {
    this.#deps = deps;
    this.peer = client;
    this.lastRole = { ...role, active: false };
    this.#socket = socket;
    this.#began = deps.clock.monotonic();
    // One connection may bring several requests.
    const { bytesRead, bytesWritten } = socket;
    this.connection = {
      get bytesIn() {
        return socket.bytesRead - bytesRead;
      },
      get bytesOut() {
        return socket.bytesWritten - bytesWritten;
      },
    };
    deps.tally.begin(this);
  }

  /** The gate has accepted it, and media flows. */
  begin(): void {
    this.lastRole.active = true;
  }

  /** The error itself when it is ours. Anything else is a fault of this origin, and not for the client's eyes. */
  reasonOf(error: unknown): HoldfastError {
    if (error instanceof HoldfastError) return error;
    this.#deps.log.error({ session: this.peer.id, err: error }, "session failed");
    return new HoldfastError("INTERNAL", { detail: "this origin failed to handle the request" });
  }

  /** The session is over. The line tells the bytes of its connection. */
  end(reason: HoldfastError): void {
    this.#deps.tally.end(this, reason.code);
    const { bytesRead: bytesIn, bytesWritten: bytesOut } = this.#socket;
    const age = this.#deps.clock.monotonic() - this.#began;
    const session = { peer: this.peer, connection: { bytesIn, bytesOut }, age };
    logSessionEnd(this.#deps.log, session, this.lastRole, reason, 0);
  }
}
