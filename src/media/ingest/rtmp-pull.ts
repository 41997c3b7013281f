import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import { parseSourceUrl, type NetworkSource } from "../../domain/source-url.ts";
import { RtmpClient } from "../rtmp/client.ts";
import type { RtmpStatus } from "../rtmp/client-status.ts";
import { EarlyMessages } from "../rtmp/early-messages.ts";
import { MESSAGE, type RtmpMessage } from "../rtmp/message.ts";
import { amfLimits, publisherLimits } from "../rtmp/session-limits.ts";
import { formatTcUrl } from "../rtmp/url.ts";
import { Intake } from "./intake.ts";
import type { Pull, PullOptions } from "./pull-options.ts";
import { RedirectTrail, shown } from "./redirect-trail.ts";
import { answerToWho, asksWho } from "./rtmp-auth.ts";
import { redirectedUrl } from "./rtmp-redirect.ts";
import { sourceWords } from "./source-words.ts";

const MOST_REDIRECTS = 3;
/** Data that a server sends before it has answered. */
const MOST_EARLY = { messages: 64, bytes: 1_048_576 };

/** What came of one connection, when the stream is not simply over. */
type Next =
  | { readonly kind: "redirected"; readonly url: string }
  | { readonly kind: "asked"; readonly description: string }
  | { readonly kind: "refused"; readonly error: HoldfastError };

/**
 * Pull an `rtmp://` or `rtmps://` source: connect, play, and follow where it is redirected. TLS is always verified,
 * against the authorities that Node knows and those of NODE_EXTRA_CA_CERTS.
 *
 * @see IngestPuller.pull for what it resolves and rejects with
 */
export const pullRtmp: Pull = async (target, sink, signal, options) => {
  const first = parseSourceUrl(target.url);
  if (first.scheme !== "rtmp" && first.scheme !== "rtmps") throw new HoldfastError("SOURCE_UNSUPPORTED");
  const trail = new RedirectTrail(first, ["rtmp", "rtmps"], MOST_REDIRECTS);
  const log = options.log.child({ stream: target.label });
  const intake = new Intake(sink, signal, options);
  let source: NetworkSource = first;
  let login = "";
  let asked = 0;
  try {
    intake.over.throwIfAborted();
    for (;;) {
      const began = options.clock.monotonic();
      const next = await play(source, login, intake, options, () => {
        const durationMs = Math.round(options.clock.monotonic() - began);
        log.debug({ source: shown(source), durationMs }, "source opened");
      });
      intake.over.throwIfAborted();
      if (!next) return;
      intake.rest();
      if (next.kind === "refused") throw next.error;
      if (next.kind === "asked") {
        login = answerToWho(next.description, source, asked++);
        continue;
      }
      source = trail.follow(redirectedUrl(next.url, source));
      [login, asked] = ["", 0];
      log.debug({ source: shown(source), hops: trail.hops }, "source redirected the pull");
    }
  } finally {
    intake.close();
  }
};

/** Play from one server. Resolves with nothing when the stream has ended in order. */
async function play(
  source: NetworkSource,
  login: string,
  intake: Intake,
  options: PullOptions,
  opened: () => void,
): Promise<Next | undefined> {
  const client = connect(source, login, intake, options);
  const answered = intake.limit(() => late(client, options));
  const open = (): void => {
    answered();
    opened();
    intake.open();
    live = true;
    early.release(take);
  };
  let live = false;
  const early = new EarlyMessages(MOST_EARLY, options.budgets.all);
  const take = (message: RtmpMessage): void => {
    // Audio and video are an answer themselves; they mostly come in the same read as it.
    if (!live && isMedia(message)) open();
    if (live) return intake.take(message.type, message.timestamp, message.payload);
    try {
      early.keep(message);
    } catch (cause) {
      const detail = "the source sends data instead of an answer";
      intake.fail(new HoldfastError("SOURCE_FAILED", { detail }, { cause }));
    }
  };
  try {
    const answer = await client.play(nameOf(source), take);
    if (answer.outcome === "redirected") return { kind: "redirected", url: answer.url };
    if (answer.outcome === "refused") return refusal("the stream", answer.status, source);
    if (!live && !intake.over.aborted) open();
    const { how, reason, redirect } = await client.ended;
    if (how === "finished") return undefined;
    // SRS says that the play has begun before it says where to.
    if (redirect !== undefined && !intake.began) return { kind: "redirected", url: redirect };
    throw reason;
  } catch (error) {
    if (intake.over.aborted) throw intake.over.reason;
    const { refusal: said } = client;
    if (!said || live) throw broken(error, said, client, source);
    if (said.redirect !== undefined) return { kind: "redirected", url: said.redirect };
    if (asksWho(said.description)) return { kind: "asked", description: said.description };
    return refusal("the connection", said, source);
  } finally {
    answered();
    early.drop();
    client.destroy();
  }
}

function connect(source: NetworkSource, login: string, intake: Intake, options: PullOptions): RtmpClient {
  const { scheme, host, port, app } = source;
  const tls = scheme === "rtmps";
  return new RtmpClient({
    host,
    port,
    tls,
    app: `${app}${login}`,
    tcUrl: `${formatTcUrl({ tls, host, port, app })}${login}`,
    timeoutMs: options.connectTimeout,
    limits: { ...publisherLimits(options, options.budgets), amf: amfLimits(options) },
    pace: options.budgets.pace,
    signal: intake.over,
  });
}

function nameOf({ stream, query }: NetworkSource): string {
  return query === "" ? stream : `${stream}?${query}`;
}

function isMedia({ type, payload }: RtmpMessage): boolean {
  return (type === MESSAGE.audio || type === MESSAGE.video) && payload.length > 0;
}

function late(client: RtmpClient, { connectTimeout }: PullOptions): HoldfastError {
  return client.reached
    ? new HoldfastError("SOURCE_FAILED", { detail: `the source did not answer within ${connectTimeout} ms` })
    : new HoldfastError("SOURCE_UNREACHABLE", { detail: `no connection within ${connectTimeout} ms` });
}

/** The server said no. */
function refusal(what: string, status: RtmpStatus, source: NetworkSource): Next {
  const detail = `the source refused ${what}: ${wordsOf(status, source)}`;
  return { kind: "refused", error: new HoldfastError("SOURCE_REFUSED", { detail }) };
}

/** What the client says, which speaks of relays, in words of a source; what the server said, if it did. */
function broken(
  error: unknown,
  said: RtmpStatus | undefined,
  client: RtmpClient,
  source: NetworkSource,
): HoldfastError {
  const { code, message } = asHoldfastError(error, "RELAY_FAILED");
  const detail = said ? `the source refused to go on: ${wordsOf(said, source)}` : message;
  return new HoldfastError(client.reached ? "SOURCE_FAILED" : "SOURCE_UNREACHABLE", { detail, code });
}

/** Its words are shown unless they repeat what is secret. */
function wordsOf({ code, description }: RtmpStatus, source: NetworkSource): string {
  const said = [code, description].map((text) => sourceWords(text, source)).filter((text) => text !== "");
  return said.join(": ") || "without a reason";
}
