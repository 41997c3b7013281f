import type { Config } from "../../config/schema.ts";
import type { ChunkLimits } from "./chunk-reader.ts";
import type { ConnectionOptions } from "./session-connection.ts";

/** What a connection may do before its publish is accepted. */
export function connectionOptions(config: Config): ConnectionOptions {
  const { limits, rtmp } = config;
  const most = limits.messageBeforePublish * limits.chunkStreamsBeforePublish;
  return {
    chunkSize: rtmp.chunkSize,
    windowAckSize: rtmp.windowAckSize,
    commandsPerSecond: limits.commandsPerSecond,
    messagesPerSecond: limits.messagesPerSecond,
    limits: {
      messageBytes: limits.messageBeforePublish,
      chunkStreams: limits.chunkStreamsBeforePublish,
      halfReceivedBytes: Math.min(limits.halfReceived, most),
    },
    // Answers go behind the media of a slow player, which the channel allows twice its backlog.
    maxUnsent: 2 * config.fanout.maxBacklog + limits.messageBeforePublish,
  };
}

/** What an accepted publisher may send. */
export function publisherLimits(config: Config): ChunkLimits {
  const { limits } = config;
  return {
    messageBytes: limits.messageAfterPublish,
    chunkStreams: limits.chunkStreamsAfterPublish,
    halfReceivedBytes: limits.halfReceived,
  };
}
