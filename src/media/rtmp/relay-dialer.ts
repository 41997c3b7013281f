import type { Logger } from "pino";
import type { Config } from "../../config/schema.ts";
import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import type { ChannelSource } from "../../domain/ports/channel.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { RelayDialer, RelayTarget } from "../../domain/ports/relay.ts";
import { splitStreamKey } from "../../domain/stream-key.ts";
import { RtmpClient } from "./client.ts";
import { failureOf, type StreamAnswer } from "./client-status.ts";
import { EarlyMessages } from "./early-messages.ts";
import type { RtmpMessage } from "./message.ts";
import { receiveBudgets, type ReceiveBudgets } from "../receive-budgets.ts";
import { playerPacket } from "../player-packet.ts";
import { amfLimits, publisherLimits } from "./session-limits.ts";
import { TICKET_PARAMETER } from "../stream-name.ts";
import { formatTcUrl, parseAddress } from "./url.ts";

export interface RelayDialerOptions {
  readonly config: Pick<Config, "play" | "limits">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Shared with what else receives media for the origin; its own when absent. */
  readonly budgets?: ReceiveBudgets;
}

/** Pulls streams from their owners: an RTMP play whose name carries the ticket. */
export function createRelayDialer(options: RelayDialerOptions): RelayDialer {
  const { config, clock, log, budgets = receiveBudgets(config.limits) } = options;
  return {
    async pull(target, open, signal) {
      const began = clock.monotonic();
      const client = connect(target, config, budgets, signal);
      let source: ChannelSource | undefined;
      const early = new EarlyMessages({ bytes: config.limits.halfReceived }, budgets.all);
      const take = (message: RtmpMessage): void => {
        if (source) feed(source, message);
        else early.keep(message);
      };
      try {
        // The owner is one of us, and answers createStream with 1.
        const answer = await client.play(streamName(target), take, { pipelined: true });
        if (answer.outcome !== "started") throw refusal(answer);
        source = open();
        source.closed.addEventListener("abort", () => client.destroy(), { once: true });
        if (source.closed.aborted) throw source.closed.reason;
        const { key: stream, address } = target;
        log.debug({ stream, address, durationMs: Math.round(clock.monotonic() - began) }, "relay opened");
        early.release(take);
        const end = await client.ended;
        if (end.how !== "finished") throw source.closed.aborted ? source.closed.reason : end.reason;
      } catch (error) {
        throw signal.aborted ? signal.reason : broken(error);
      } finally {
        client.destroy();
        source?.detach();
        early.drop();
      }
    },
  };
}

function connect(
  target: RelayTarget,
  config: RelayDialerOptions["config"],
  budgets: ReceiveBudgets,
  signal: AbortSignal,
): RtmpClient {
  const { host, port } = addressOf(target);
  const app = escaped(splitStreamKey(target.key).app);
  return new RtmpClient({
    host,
    port,
    app,
    tcUrl: formatTcUrl({ tls: false, host, port, app }),
    connectExtras: { flashVer: `Holdfast relay (${target.asker})` },
    timeoutMs: config.play.startTimeout,
    limits: { ...publisherLimits(config, budgets), amf: amfLimits(config) },
    pace: budgets.pace,
    signal,
  });
}

/** Written by another origin into the registry. */
function addressOf({ address }: RelayTarget): { host: string; port: number } {
  try {
    return parseAddress(address);
  } catch (cause) {
    throw new HoldfastError(
      "RELAY_FAILED",
      { detail: `the owner offers ${JSON.stringify(address)}` },
      { cause },
    );
  }
}

function streamName({ key, ticket }: RelayTarget): string {
  const { vhost, stream } = splitStreamKey(key);
  const query = new URLSearchParams({ ...(vhost === "" ? {} : { vhost }), [TICKET_PARAMETER]: ticket });
  return `${escaped(stream)}?${query.toString()}`;
}

/** Sessions percent-decode names, so that a name with a `%` of its own must be encoded. */
function escaped(name: string): string {
  return name.replaceAll("%", "%25");
}

function feed(source: ChannelSource, message: RtmpMessage): void {
  const packet = playerPacket(message.type, message.timestamp, message.payload);
  if (packet) source.write(packet);
}

function refusal(answer: Exclude<StreamAnswer, { outcome: "started" }>): HoldfastError {
  const { code, description, details } = answer.status;
  const detail = description === "" ? {} : { detail: description };
  if (answer.outcome === "redirected" || details === "NOT_OWNER")
    return new HoldfastError("NOT_OWNER", detail);
  if (code === "NetStream.Play.StreamNotFound") return new HoldfastError("STREAM_NOT_FOUND", detail);
  return failureOf("the stream", answer.status);
}

/** What the port promises: the two refusals as they are, everything else is a pull that broke. */
function broken(error: unknown): HoldfastError {
  const known = asHoldfastError(error, "RELAY_FAILED");
  if (["NOT_OWNER", "STREAM_NOT_FOUND", "RELAY_FAILED"].includes(known.code)) return known;
  return new HoldfastError("RELAY_FAILED", { detail: known.message, code: known.code }, { cause: known });
}
