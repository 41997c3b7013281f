import { HoldfastError } from "../../domain/errors.ts";
import { parseSourceUrl, type NetworkSource } from "../../domain/source-url.ts";
import { Intake } from "./intake.ts";
import type { Pull, PullOptions } from "./pull-options.ts";
import { RedirectTrail, shown } from "./redirect-trail.ts";
import { connectTo } from "./rtsp/connect.ts";
import { RtspSession, type SessionEvents } from "./rtsp/session.ts";

const MOST_REDIRECTS = 3;

/**
 * Pull an `rtsp://` source over TCP, interleaved, and follow where it is redirected. H.264, H.265 and AAC are passed
 * on; other tracks are left out.
 *
 * @see IngestPuller.pull for what it resolves and rejects with
 */
export const pullRtsp: Pull = async (target, sink, signal, options) => {
  const first = parseSourceUrl(target.url);
  if (first.scheme !== "rtsp") throw new HoldfastError("SOURCE_UNSUPPORTED");
  const trail = new RedirectTrail(first, ["rtsp"], MOST_REDIRECTS);
  const log = options.log.child({ stream: target.label });
  const intake = new Intake(sink, signal, options);
  let source: NetworkSource = first;
  try {
    for (;;) {
      intake.over.throwIfAborted();
      const began = options.clock.monotonic();
      const location = await play(source, intake, options, {
        leftOut: (codecs) =>
          log.warn({ source: shown(source), codecs }, "tracks of the source were left out"),
        opened: (codecs) => {
          const durationMs = Math.round(options.clock.monotonic() - began);
          log.debug({ source: shown(source), codecs, durationMs }, "source opened");
        },
      });
      if (location === undefined) return;
      source = trail.follow(location);
      log.debug({ source: shown(source), hops: trail.hops }, "source redirected the pull");
    }
  } finally {
    intake.close();
  }
};

/** Play from one server, until it ends in order or redirects the pull. */
async function play(
  source: NetworkSource,
  intake: Intake,
  options: PullOptions,
  events: SessionEvents,
): Promise<string | undefined> {
  let connected = false;
  const answered = intake.limit(() => late(connected, options));
  const opened = (codecs: readonly string[]): void => {
    answered();
    events.opened(codecs);
  };
  let session: RtspSession | undefined;
  try {
    const socket = await connectTo(source.host, source.port, intake.over);
    connected = true;
    session = new RtspSession(socket, source, intake, options, { ...events, opened });
    return await untilOver(session.run(), intake.over);
  } catch (error) {
    throw intake.over.aborted ? intake.over.reason : error;
  } finally {
    answered();
    await session?.leave();
  }
}

/** Reject with the signal's reason as soon as it fires. */
function untilOver<T>(promise: Promise<T>, over: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(over.reason);
    if (over.aborted) abort();
    else over.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => over.removeEventListener("abort", abort));
  });
}

function late(connected: boolean, { connectTimeout }: PullOptions): HoldfastError {
  return connected
    ? new HoldfastError("SOURCE_FAILED", { detail: `the source did not answer within ${connectTimeout} ms` })
    : new HoldfastError("SOURCE_UNREACHABLE", { detail: `no connection within ${connectTimeout} ms` });
}
