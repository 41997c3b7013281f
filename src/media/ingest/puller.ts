import type { Logger } from "pino";
import type { Config } from "../../config/schema.ts";
import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { IngestPuller, PullSink } from "../../domain/ports/ingest-puller.ts";
import { parseSourceUrl, type SourceUrl } from "../../domain/source-url.ts";
import { receiveBudgets, type ReceiveBudgets } from "../receive-budgets.ts";
import { pullExec } from "./exec-pull.ts";
import { pullHttpFlv } from "./http-flv-pull.ts";
import type { Pull, PullOptions } from "./pull-options.ts";
import { pullRtmp } from "./rtmp-pull.ts";
import { pullRtsp } from "./rtsp-pull.ts";

export interface IngestPullerOptions {
  readonly config: Pick<Config, "ingest" | "limits" | "rtmp">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Shared with what else receives media for the origin; its own when absent. */
  readonly budgets?: ReceiveBudgets;
}

/** Who pulls which scheme. */
const PULLS: Readonly<Record<SourceUrl["scheme"], Pull>> = {
  rtmp: pullRtmp,
  rtmps: pullRtmp,
  http: pullHttpFlv,
  https: pullHttpFlv,
  rtsp: pullRtsp,
  exec: pullExec,
};

/** Pulls sources of every kind: by the scheme of the URL. */
export function createIngestPuller(options: IngestPullerOptions): IngestPuller {
  const { config, clock, log, budgets = receiveBudgets(config.limits) } = options;
  const { connectTimeout, idleTimeout, allowExec } = config.ingest;
  const { limits, rtmp } = config;
  const common: PullOptions = {
    connectTimeout,
    idleTimeout,
    allowExec,
    limits,
    rtmp,
    clock,
    log,
    budgets,
  };
  return {
    async pull(target, sink, signal) {
      signal.throwIfAborted();
      const pull = PULLS[schemeOf(target.url)];
      try {
        await pull(target, untilAborted(sink, signal), signal, common);
      } catch (error) {
        throw signal.aborted ? signal.reason : error;
      }
      signal.throwIfAborted();
    },
  };
}

/** A definition was checked when it was made; another version of Holdfast may have made it. */
function schemeOf(url: string): SourceUrl["scheme"] {
  try {
    return parseSourceUrl(url).scheme;
  } catch (error) {
    // Says what is wrong in words that quote nothing secret.
    const { message: detail } = asHoldfastError(error, "SOURCE_UNSUPPORTED");
    throw new HoldfastError("SOURCE_UNSUPPORTED", { detail });
  }
}

/** Whatever a pull still has in hand: nothing is delivered after the abort. */
function untilAborted(sink: PullSink, signal: AbortSignal): PullSink {
  return {
    opened() {
      signal.throwIfAborted();
      sink.opened();
    },
    write(packet) {
      signal.throwIfAborted();
      sink.write(packet);
    },
  };
}
