import { createRequire } from "node:module";
import type { FlvTag } from "../../support/flv-file.ts";

/** The part of node-media-server's RTMP client that publishes; the package ships no types. */
interface RtmpClient {
  connect(url: string): Promise<void>;
  sendConnect(): Promise<unknown>;
  sendCreateStream(): Promise<number>;
  sendPublish(streamName: string): Promise<unknown>;
  sendPacket(packet: { codec_type: number; dts: number; size: number; data: Buffer }): void;
  disconnect(): void;
}

const require = createRequire(import.meta.url);

/** Publish these tags with node-media-server's RTMP client, and leave. */
export async function publishByNodeMediaServer(url: string, tags: readonly FlvTag[]): Promise<void> {
  const Client = require("node-media-server/src/protocol/rtmp_client.js") as new () => RtmpClient;
  const logger = require("node-media-server/src/core/logger.js") as { level: string };
  logger.level = "error";
  const client = new Client();
  await client.connect(url);
  await client.sendConnect();
  await client.sendCreateStream();
  await client.sendPublish(url.slice(url.lastIndexOf("/") + 1));
  for (const { type, timestamp, body } of tags)
    client.sendPacket({ codec_type: type, dts: timestamp, size: body.length, data: body });
  await new Promise((resolve) => setTimeout(resolve, 200));
  client.disconnect();
}
