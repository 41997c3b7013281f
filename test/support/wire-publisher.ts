import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import type { FlvTag } from "./flv-file.ts";
import { MediaFeed } from "./media-feed.ts";
import type { FeedOptions } from "./media-feed.ts";
import type { MediaUnit } from "./media-units.ts";
import type { Publisher } from "./publisher.ts";
import { waitFor } from "./wait.ts";
import { WireClient } from "./wire-client.ts";

const CHUNK_STREAM = { 8: 4, 9: 6, 18: 5 } as const;

/** The test's own RTMP publisher: every tag goes out as one message with the same bytes. */
export class WirePublisher implements Publisher {
  readonly exit: Promise<{ readonly code: number | null; readonly said: string }>;
  #client: WireClient | undefined;
  #feed: MediaFeed | undefined;
  #running = true;

  constructor(address: string, stream: string, tags: readonly FlvTag[], options: FeedOptions = {}) {
    this.exit = this.#publish(address, stream, tags, options).then(
      (code) => ({ code, said: "" }),
      (error: unknown) => ({ code: 1, said: String(error) }),
    );
    void this.exit.then(() => {
      this.#running = false;
      this.#feed?.stop();
      this.#client?.leave();
    });
  }

  get running(): boolean {
    return this.#running;
  }

  get position(): number {
    return this.#feed?.position ?? 0;
  }

  sent(): MediaUnit[] {
    return this.#feed?.sent ?? [];
  }

  async finish(ms: number): Promise<void> {
    await this.#feed?.finish(ms);
    this.#client?.tell(0, "FCUnpublish", null);
    this.#client?.tell(0, "deleteStream", null, 1);
    this.#client?.leave();
    this.#running = false;
    await this.exit;
  }

  async die(): Promise<void> {
    this.#running = false;
    this.#feed?.breakOff();
    this.#client?.close();
    await this.exit;
  }

  stop(): Promise<void> {
    return this.die();
  }

  async #publish(
    address: string,
    stream: string,
    tags: readonly FlvTag[],
    options: FeedOptions,
  ): Promise<number> {
    const cut = stream.lastIndexOf("/");
    const client = (this.#client = await WireClient.open(address));
    await client.connectTo(stream.slice(0, cut), { type: "nonprivate" });
    await client.call("createStream", null);
    client.tell(1, "publish", null, stream.slice(cut + 1), "live");
    const { info } = await client.status();
    if (info["code"] !== "NetStream.Publish.Start") throw new Error(String(info["code"]));
    this.#feed = new MediaFeed(tags, (tag) => client.send(messageOf(tag)), options);
    await waitFor(() => !this.#running || client.ended !== undefined, {
      within: 120_000,
      what: "the end of the publication",
    });
    if (this.#running) throw new Error("the server ended the connection");
    return 0;
  }
}

/** Metadata goes out as encoders send it: `@setDataFrame` in front, which the server takes off. */
function messageOf(tag: FlvTag): RtmpMessage {
  const payload = tag.type === 18 ? Buffer.concat([encodeAmf0("@setDataFrame"), tag.body]) : tag.body;
  const chunkStreamId = CHUNK_STREAM[tag.type];
  return { type: tag.type, streamId: 1, chunkStreamId, timestamp: tag.timestamp, payload };
}
