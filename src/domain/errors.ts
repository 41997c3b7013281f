/** `code` of the RTMP `onStatus` (level `error`) for a publish. Encoders know these two. */
export type PublishRefusal = "NetStream.Publish.BadName" | "NetStream.Publish.Denied";
/** The same for a play. librtmp gives up on these two only. */
export type PlayRefusal = "NetStream.Play.StreamNotFound" | "NetStream.Play.Failed";

/** What went wrong, as data: the text, whether trying again helps, and what each protocol's client is told. */
export interface ErrorEntry {
  /** One sentence for people; details go into the context. */
  readonly text: string;
  /** True when the same request may succeed later without a change. */
  readonly retry: boolean;
  /** HTTP status of the RFC 9457 answer. */
  readonly http: number;
  /** What a publish is told that is refused, or ended, for it. */
  readonly publish: PublishRefusal;
  /** What a play is told that is refused for it. */
  readonly play: PlayRefusal;
}

/** Denied and Failed, unless the refusal is about the name or about there being nothing to play. */
const entry = (
  text: string,
  retry: boolean,
  http: number,
  { publish = "NetStream.Publish.Denied", play = "NetStream.Play.Failed" }: Partial<ErrorEntry> = {},
): ErrorEntry => Object.freeze({ text, retry, http, publish, play });

const BAD_NAME = { publish: "NetStream.Publish.BadName" } as const;
const NOT_FOUND = { play: "NetStream.Play.StreamNotFound" } as const;

/** Every code of {@link HoldfastError}. README.md lists them; a test compares the two. */
export const ERRORS = Object.freeze({
  CONFIG_INVALID: entry("the configuration is not valid", false, 500),
  PORT_IN_USE: entry("the address is already in use", false, 500),
  NAME_CONFLICT: entry("another origin is alive under this name", false, 409),
  REGISTRY_UNAVAILABLE: entry("the registry gave no answer", true, 503),
  REGISTRY_REFUSED: entry("the registry refused the command", false, 503),
  SESSION_LOST: entry("this origin's session is not valid any more", true, 503),
  STREAM_NAME_INVALID: entry("the stream name is not valid", false, 400, { ...BAD_NAME, ...NOT_FOUND }),
  STREAM_NAME_TAKEN: entry("the stream is being published already", true, 409, BAD_NAME),
  STREAM_INGESTED: entry("the stream is fed by a configured ingest", false, 409, BAD_NAME),
  TAKEOVER_TOO_SOON: entry("the stream was taken over a moment ago", true, 429, BAD_NAME),
  STREAM_TAKEN_OVER: entry("another publisher took the stream over", false, 409, BAD_NAME),
  STREAM_NOT_FOUND: entry("nobody publishes this stream", true, 404, NOT_FOUND),
  STREAM_ENDED: entry("the stream has ended", true, 410, NOT_FOUND),
  PUBLISH_UNAUTHORISED: entry("publishing is not allowed", false, 403),
  PLAY_UNAUTHORISED: entry("playing is not allowed", false, 403),
  KICKED: entry("an operator ended this connection", true, 409),
  ORIGIN_DRAINING: entry("this origin is draining", true, 503),
  ORIGIN_FULL: entry("this origin takes no more connections", true, 503),
  ORIGIN_NOT_FOUND: entry("no origin has this name", false, 404),
  NOT_OWNER: entry("this origin does not own the stream", true, 421, NOT_FOUND),
  RELAY_FAILED: entry("the stream could not be fetched from its owner", true, 502, NOT_FOUND),
  INGEST_NOT_FOUND: entry("no ingest feeds this stream", false, 404),
  INGEST_INVALID: entry("the ingest is not valid", false, 400),
  INGEST_CONFIGURED: entry("the ingest is defined in a config file", false, 409),
  LEASE_LOST: entry("this origin does not hold the lease any more", true, 409),
  SOURCE_UNREACHABLE: entry("the source cannot be reached", true, 502),
  SOURCE_REFUSED: entry("the source refused the pull", true, 502),
  SOURCE_UNSUPPORTED: entry("the source sends what is not supported", false, 502),
  SOURCE_FAILED: entry("the source broke", true, 502),
  TICKET_INVALID: entry("the relay ticket is not valid", false, 403),
  PROTOCOL_VIOLATION: entry("the peer broke the protocol", false, 400),
  LIMIT_EXCEEDED: entry("a limit was exceeded", false, 413),
  SLOW_READER: entry("the player did not read fast enough", true, 503),
  TIMED_OUT: entry("the peer was silent for too long", true, 408),
  CLIENT_LEFT: entry("the client left", false, 499),
  STOPPING: entry("this origin is stopping", true, 503),
  UNAUTHORISED: entry("the request carries no valid token", false, 401),
  REQUEST_INVALID: entry("the request is not valid", false, 400),
  NOT_FOUND: entry("there is nothing at this path", false, 404),
  METHOD_NOT_ALLOWED: entry("this path does not take this method", false, 405),
  INTERNAL: entry("something went wrong inside this origin", true, 500),
} satisfies Record<string, ErrorEntry>);

export type ErrorCode = keyof typeof ERRORS;

/**
 * The one error class of Holdfast. Callers branch on `code`, never on the text.
 *
 * `context` holds plain, loggable values. `context.detail`, when present, is the sentence shown to the client.
 */
export class HoldfastError extends Error {
  override readonly name = "HoldfastError";
  readonly code: ErrorCode;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, context: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    const detail = typeof context["detail"] === "string" ? context["detail"] : ERRORS[code].text;
    super(detail, options);
    this.code = code;
    this.context = context;
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }
}

/** The error itself when it is ours, else `fallback` with it as the cause. */
export function asHoldfastError(error: unknown, fallback: ErrorCode): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new HoldfastError(fallback, { detail }, { cause: error });
}
