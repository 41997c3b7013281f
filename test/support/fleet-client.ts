import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { dial } from "../../src/media/rtmp/client.ts";
import type { RtmpClient } from "../../src/media/rtmp/client.ts";
import type { FlvTag } from "./flv-file.ts";
import { MediaFeed } from "./media-feed.ts";
import type { FeedOptions } from "./media-feed.ts";
import { unitsOf } from "./media-units.ts";
import type { MediaUnit } from "./media-units.ts";
import type { Player, PlayerExit } from "./player.ts";
import type { Publisher } from "./publisher.ts";

interface Named {
  readonly client: RtmpClient;
  /** The last segment: what `play` and `publish` name. */
  readonly name: string;
}

async function dialFor(address: string, stream: string, signal: AbortSignal): Promise<Named> {
  const cut = stream.lastIndexOf("/");
  const [host, port] = address.split(":") as [string, string];
  const app = stream.slice(0, cut);
  const limits = {
    messageBytes: 0xffffff,
    chunkStreams: 64,
    halfReceivedBytes: 64 << 20,
    amf: { depth: 16, elements: 1024 },
  };
  const target = { host, port: Number(port), tls: false, app, tcUrl: `rtmp://${address}/${app}` };
  return {
    client: await dial({ ...target, timeoutMs: 10_000, limits, signal }),
    name: stream.slice(cut + 1),
  };
}

/** The fleet's own RTMP client as a player. Exit code 0: told that the stream is over. */
export class FleetPlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  readonly tags: FlvTag[] = [];
  readonly #stop = new AbortController();
  #running = true;

  constructor(address: string, stream: string) {
    this.exit = this.#play(address, stream)
      .catch((error: unknown) => ({ code: 1, said: String(error) }))
      .finally(() => (this.#running = false));
  }

  get running(): boolean {
    return this.#running;
  }

  get progress(): number | undefined {
    return this.tags.findLast(({ type }) => type !== 18)?.timestamp;
  }

  units(): MediaUnit[] {
    return unitsOf(this.tags);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.exit;
  }

  async #play(address: string, stream: string): Promise<PlayerExit> {
    const { client, name } = await dialFor(address, stream, this.#stop.signal);
    const answer = await client.play(name, ({ type, timestamp, payload }) => {
      this.tags.push({ type: type as FlvTag["type"], timestamp, body: Buffer.from(payload) });
    });
    if (answer.outcome !== "started") client.destroy();
    const { how, reason } = await client.ended;
    return { code: how === "finished" ? 0 : 1, said: `${answer.outcome}, ${how}: ${String(reason)}` };
  }
}

/** The fleet's own RTMP client as a publisher. */
export class FleetPublisher implements Publisher {
  readonly exit: Promise<{ readonly code: number | null; readonly said: string }>;
  readonly #stop = new AbortController();
  #client: RtmpClient | undefined;
  #feed: MediaFeed | undefined;
  #running = true;

  constructor(address: string, stream: string, tags: readonly FlvTag[], options: FeedOptions = {}) {
    this.exit = this.#publish(address, stream, tags, options)
      .then((said) => ({ code: 0, said }))
      .catch((error: unknown) => ({ code: 1, said: String(error) }))
      .finally(() => {
        this.#running = false;
        this.#feed?.stop();
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
    this.#client?.leave();
    await this.exit;
  }

  async die(): Promise<void> {
    this.#feed?.breakOff();
    this.#stop.abort();
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
  ): Promise<string> {
    const { client, name } = await dialFor(address, stream, this.#stop.signal);
    this.#client = client;
    const answer = await client.publish(name);
    if (answer.outcome !== "started") throw new Error(answer.status.code);
    this.#feed = new MediaFeed(tags, (tag) => this.#send(tag), options);
    const { how } = await client.ended;
    return how;
  }

  #send({ type, timestamp, body }: FlvTag): void {
    const payload = type === 18 ? Buffer.concat([encodeAmf0("@setDataFrame"), body]) : body;
    this.#client?.send(type, timestamp, payload);
  }
}
