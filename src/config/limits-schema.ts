import { z } from "zod";
import { duration, size } from "./units.ts";

const count = (standard: number, most: number) => z.int().min(1).max(most).default(standard);

/** What a client may take before and after it is trusted. Every limit is enforced before memory is taken. */
export const limitsSchema = z.strictObject({
  handshakeTimeout: duration("5s", "100ms", "1m").describe("longest RTMP handshake (TLS included)"),
  connectTimeout: duration("10s", "100ms", "2m").describe("longest time from accept to the connect command"),
  commandTimeout: duration("15s", "100ms", "10m").describe("longest time from connect to publish or play"),
  publisherTimeout: duration("15s", "1s", "10m").describe("a publisher silent for this long is disconnected"),
  playerTimeout: duration("60s", "1s", "1h").describe(
    "a player that takes nothing and answers no ping for this long is dropped",
  ),
  messageBeforeConnect: size("16KB", "1KB", "16MB").describe(
    "largest RTMP message before the connect command is accepted",
  ),
  messageBeforePublish: size("64KB", "4KB", "16MB").describe(
    "largest RTMP message before publish is accepted",
  ),
  messageAfterPublish: size("16MB", "64KB", "16MB").describe(
    "largest RTMP message or FLV tag of a publisher; neither format can say more than 16 MB less one byte",
  ),
  chunkStreamsBeforePublish: count(8, 65_599).describe("chunk streams of one connection before publish"),
  chunkStreamsAfterPublish: count(32, 65_599).describe("chunk streams of one connection after publish"),
  halfReceived: size("64MB", "1MB", "1GB").describe("bytes of unfinished messages of one connection"),
  halfReceivedTotal: size("512MB", "1MB", "64GB").describe(
    "bytes of unfinished messages and FLV tags of all connections of this origin; who asks for more is disconnected",
  ),
  halfReceivedBeforePublish: size("64MB", "1MB", "64GB").describe(
    "the same of all connections whose publish has not been accepted: a part of halfReceivedTotal",
  ),
  amfDepth: count(16, 64).describe("nesting of AMF values"),
  amfString: size("64KB", "1KB", "16MB").describe("longest string in a command"),
  amfElements: count(1_024, 65_536).describe("values in one AMF message"),
  commandsPerSecond: count(50, 10_000).describe("RTMP commands of one connection per second"),
  messagesPerSecond: count(10_000, 1_000_000).describe(
    "RTMP messages of one connection per second, parts of aggregates counted; FLV tags of a publisher",
  ),
  connections: count(20_000, 1_000_000).describe("open connections, of RTMP and of HTTP counted apart"),
  connectionsPerAddress: count(4_000, 1_000_000).describe(
    "open connections of one IP address (or IPv6 /64; a proxy is one), of RTMP and of HTTP counted apart",
  ),
  connectsPerSecond: count(1_000, 1_000_000).describe(
    "new connections of one IP address per second, of RTMP and of HTTP counted apart",
  ),
  httpHeader: size("16KB", "1KB", "64KB").describe("largest HTTP request header"),
  httpBody: size("64KB", "1KB", "16MB").describe("largest body of an HTTP request that is not media"),
  webSocketMessage: size("1KB", "128B", "64KB").describe(
    "largest message of a WebSocket player, which has nothing to say; four times that before the upgrade",
  ),
  streamsWaiting: count(10_000, 1_000_000).describe(
    "plays of this origin that wait for a stream at the same time",
  ),
});
