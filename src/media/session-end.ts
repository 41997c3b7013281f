import type { Logger } from "pino";
import type { HoldfastError } from "../domain/errors.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { ClientInfo } from "../fleet/gates.ts";

/** What a client did. */
export interface ClientRole {
  readonly kind: "publisher" | "player";
  readonly key: StreamKey;
}

interface EndedSession {
  readonly peer: Pick<ClientInfo, "id" | "protocol" | "address">;
  readonly connection: { readonly bytesIn: number; readonly bytesOut: number };
  /** ms */
  readonly age: number;
}

/** Write the one line that every session leaves. `dropped` counts the messages that were not allowed. */
export function logSessionEnd(
  log: Logger,
  session: EndedSession,
  role: ClientRole | undefined,
  reason: HoldfastError,
  dropped: number,
): void {
  const { bytesIn, bytesOut } = session.connection;
  const line = {
    session: session.peer.id,
    remote: session.peer.address,
    protocol: session.peer.protocol,
    role: role?.kind,
    stream: role?.key,
    code: reason.code,
    reason: reason.message,
    bytesIn,
    bytesOut,
    dropped,
    durationMs: Math.round(session.age),
  };
  // Balancers knock to see whether the port is open; that is not worth a line a second.
  if (bytesIn === 0) return log.debug(line, "session ended");
  if (reason.code === "PROTOCOL_VIOLATION" || reason.code === "LIMIT_EXCEEDED")
    return log.warn(line, "session ended");
  log.info(line, "session ended");
}
