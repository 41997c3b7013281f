import type { Config } from "../../config/schema.ts";
import type { ReceiveBudgets } from "../receive-budgets.ts";
import type { AmfLimits } from "./amf0-decode.ts";
import type { ChunkLimits } from "./chunk-reader.ts";
import type { ConnectionOptions } from "./session-connection.ts";

/** What a connection may do before its publish is accepted. */
export function connectionOptions(config: Config, budgets: ReceiveBudgets): ConnectionOptions {
  const { limits, rtmp } = config;
  return {
    chunkSize: rtmp.chunkSize,
    windowAckSize: rtmp.windowAckSize,
    commandsPerSecond: limits.commandsPerSecond,
    messagesPerSecond: limits.messagesPerSecond,
    limits: strangerLimits(config, budgets, limits.messageBeforeConnect),
    // Answers go behind the media of a slow player, which the channel allows twice its backlog.
    maxUnsent: 2 * config.fanout.maxBacklog + limits.messageBeforePublish,
  };
}

/** What a client may send after its connect, until its publish is accepted; players never get more. */
export function connectedLimits(config: Config, budgets: ReceiveBudgets): ChunkLimits {
  return strangerLimits(config, budgets, config.limits.messageBeforePublish);
}

function strangerLimits({ limits }: Config, budgets: ReceiveBudgets, messageBytes: number): ChunkLimits {
  const chunkStreams = limits.chunkStreamsBeforePublish;
  const halfReceivedBytes = Math.min(limits.halfReceived, messageBytes * chunkStreams);
  return { messageBytes, chunkStreams, halfReceivedBytes, budget: budgets.strangers };
}

/** What an accepted publisher may send. */
export function publisherLimits({ limits }: Pick<Config, "limits">, budgets: ReceiveBudgets): ChunkLimits {
  return {
    messageBytes: limits.messageAfterPublish,
    chunkStreams: limits.chunkStreamsAfterPublish,
    halfReceivedBytes: limits.halfReceived,
    budget: budgets.all,
  };
}

/** What one AMF message of a peer may hold. */
export function amfLimits({ limits }: Pick<Config, "limits">): AmfLimits {
  return { depth: limits.amfDepth, elements: limits.amfElements, string: limits.amfString };
}
