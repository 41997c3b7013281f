import { STATUS_CODES, type IncomingMessage } from "node:http";
import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import { parseSourceUrl, type NetworkSource } from "../../domain/source-url.ts";
import { FlvDemuxer } from "../flv/demuxer.ts";
import { MAX_TAG_BODY } from "../flv/tag.ts";
import { locationOf, SourceRequest } from "./http-request.ts";
import { Intake } from "./intake.ts";
import type { Pull, PullOptions } from "./pull-options.ts";
import { RedirectTrail, shown } from "./redirect-trail.ts";
import { sourceWords } from "./source-words.ts";

const MOST_REDIRECTS = 5;

/**
 * Pull an `http://` or `https://` source whose body is FLV without end, and follow where it is redirected. TLS is always
 * verified, against the authorities that Node knows and those of NODE_EXTRA_CA_CERTS.
 *
 * @see IngestPuller.pull for what it resolves and rejects with
 */
export const pullHttpFlv: Pull = async (target, sink, signal, options) => {
  const first = parseSourceUrl(target.url);
  if (first.scheme !== "http" && first.scheme !== "https") throw new HoldfastError("SOURCE_UNSUPPORTED");
  const trail = new RedirectTrail(first, ["http", "https"], MOST_REDIRECTS);
  const log = options.log.child({ stream: target.label });
  const intake = new Intake(sink, signal, options);
  let source: NetworkSource = first;
  try {
    intake.over.throwIfAborted();
    for (;;) {
      const began = options.clock.monotonic();
      const location = await get(source, intake, options, () => {
        const durationMs = Math.round(options.clock.monotonic() - began);
        log.debug({ source: shown(source), durationMs }, "source opened");
      });
      intake.over.throwIfAborted();
      if (location === undefined) return;
      source = trail.follow(location);
      log.debug({ source: shown(source), hops: trail.hops }, "source redirected the pull");
    }
  } finally {
    intake.close();
  }
};

/** Read one answer to its end, or return where it redirects to. */
async function get(
  source: NetworkSource,
  intake: Intake,
  options: PullOptions,
  opened: () => void,
): Promise<string | undefined> {
  const request = new SourceRequest(source, options.limits.httpHeader);
  const destroy = (): void => request.destroy();
  intake.over.addEventListener("abort", destroy, { once: true });
  const answered = intake.limit(() => late(request, options));
  try {
    const answer = await request.answer;
    answered();
    intake.over.throwIfAborted();
    const location = locationOf(answer, source);
    if (location !== undefined) return location;
    accept(answer, source);
    opened();
    intake.open();
    await read(answer, source, intake, options);
    return undefined;
  } catch (error) {
    throw intake.over.aborted ? intake.over.reason : error;
  } finally {
    answered();
    intake.over.removeEventListener("abort", destroy);
    request.destroy();
  }
}

/** @throws HoldfastError `SOURCE_REFUSED` or `SOURCE_UNSUPPORTED` when the body is not what was asked for */
function accept({ statusCode = 0, headers }: IncomingMessage, source: NetworkSource): void {
  if (statusCode === 401) throw refused(unauthorised(headers["www-authenticate"] ?? "", source));
  if (statusCode !== 200)
    throw refused(`the source answers ${`${statusCode} ${STATUS_CODES[statusCode] ?? ""}`.trim()}`);
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.trim().toLowerCase() !== "identity")
    throw unsupported(`the source sends compressed bytes (${sourceWords(encoding, source)}), not FLV`);
}

function unauthorised(wanted: string, { user, password }: NetworkSource): string {
  if (user === "" && password === "") return "the source asks for a user and a password";
  if (!/\bbasic\b/i.test(wanted)) return "the source asks for a login of another kind than Basic";
  return "the source does not know this user and password";
}

/** Demux the body until it ends in order. */
function read(
  answer: IncomingMessage,
  source: NetworkSource,
  intake: Intake,
  { limits, budgets }: PullOptions,
): Promise<void> {
  let tags = 0;
  let bytes = 0;
  const longest = Math.min(limits.messageAfterPublish, MAX_TAG_BODY);
  const demuxer = new FlvDemuxer(
    longest,
    ({ type, timestamp, payload }) => {
      tags += 1;
      intake.take(type, timestamp, payload);
    },
    budgets.all,
  );
  const wrong = (error: unknown): HoldfastError => {
    const { code, message } = asHoldfastError(error, "PROTOCOL_VIOLATION");
    if (code !== "PROTOCOL_VIOLATION" || tags > 0) return failed(message, code);
    const type = sourceWords(answer.headers["content-type"] ?? "", source);
    return unsupported(`the source sends ${type === "" ? "something" : type} that is not FLV: ${message}`);
  };
  return new Promise<void>((resolve, reject) => {
    answer.on("data", (data: Buffer) => {
      if (intake.over.aborted) return;
      bytes += data.length;
      try {
        demuxer.push(data);
      } catch (error) {
        intake.fail(wrong(error));
      }
    });
    answer.once("end", () => {
      if (bytes === 0) reject(failed("the source sent nothing"));
      else if (!demuxer.complete) reject(failed("the source's answer ends inside a tag"));
      else resolve();
    });
    answer.once("error", ({ message }) => reject(failed(`the connection broke: ${message}`)));
    answer.once("close", () => reject(failed("the connection broke")));
  }).finally(() => demuxer.stop());
}

function late({ connected }: SourceRequest, { connectTimeout }: PullOptions): HoldfastError {
  return connected
    ? failed(`the source did not answer within ${connectTimeout} ms`)
    : new HoldfastError("SOURCE_UNREACHABLE", { detail: `no connection within ${connectTimeout} ms` });
}

function refused(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_REFUSED", { detail });
}

function unsupported(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_UNSUPPORTED", { detail });
}

function failed(detail: string, code?: string): HoldfastError {
  return new HoldfastError("SOURCE_FAILED", code === undefined ? { detail } : { detail, code });
}
