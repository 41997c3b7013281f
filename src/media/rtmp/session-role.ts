import type { HoldfastError } from "../../domain/errors.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import type { Config } from "../../config/schema.ts";
import type { PlayGate, PublicationEnd, PublishGate } from "../../fleet/gates.ts";
import type { ReceiveBudgets } from "../receive-budgets.ts";
import type { RtmpMessage } from "./message.ts";
import type { ConnectRequest } from "./session-connect.ts";
import type { ClosingManner, RtmpConnection } from "./session-connection.ts";

/** What a session does after `connect`: one thing at a time, since createStream always gives the same stream. */
export interface SessionRole {
  readonly kind: "publisher" | "player";
  readonly key: StreamKey;
  /** False while the gate is thinking. */
  readonly accepted: boolean;
  /** True from the gate's yes until it leaves. */
  readonly active: boolean;
  /** It plays for another origin. */
  readonly relays?: boolean;
  /** The client or the connection ended it. Does nothing when called again. */
  leave(how: PublicationEnd): void;
  /** This origin ends it, for `reason`; the role ends the session with the fitting words. */
  dismiss(reason: HoldfastError): void;
}

/** The connection is gone, for this reason. */
export type SessionClosed = (reason: HoldfastError) => void;

/** What a role may use of its session. */
export interface RoleHost {
  readonly connection: RtmpConnection;
  /** What the client said when it connected. */
  readonly connect: ConnectRequest;
  readonly config: Config;
  readonly budgets: ReceiveBudgets;
  readonly gates: { readonly publish: PublishGate; readonly play: PlayGate };
  /** The gate accepted: other time-outs hold from now on. */
  accepted(role: SessionRole): void;
  /** A message that was not allowed was thrown away. */
  drop(): void;
  /** The error itself when it is ours. Anything else is a fault of this origin: logged, and not shown to the client. */
  reasonOf(error: unknown): HoldfastError;
  /** End the session: say `lastWords`, close. Only the first call counts. */
  end(reason: HoldfastError, lastWords: readonly (RtmpMessage | Buffer)[], manner: ClosingManner): void;
}
