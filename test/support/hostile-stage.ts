import assert from "node:assert/strict";
import { configSchema, type ConfigInput } from "../../src/config/schema.ts";
import { MESSAGE, type RtmpMessage } from "../../src/media/rtmp/message.ts";
import { createOrigin, type Origin } from "../../src/origin.ts";
import { audioFrame, audioHeader, videoFrame, videoHeader } from "./sample-media.ts";
import { memoryLog, type LogLine } from "./start-rtmp.ts";
import { waitFor } from "./wait.ts";
import { WireClient } from "./wire-client.ts";
import { answerPings, media } from "./wire-session.ts";

const FRAME_MS = 40;
const GOP = 25;
const PATIENCE = { within: 20_000 };

/** A live origin with a publisher and a player that must not notice what others do to it. */
export class HostileStage {
  readonly origin: Origin;
  readonly lines: LogLine[];
  readonly #publisher: WireClient;
  readonly #player: WireClient;
  readonly #stop: () => void;
  /** Payload in hex -> its place in the order of sending. */
  readonly #sent: Map<string, number>;

  private constructor(parts: Pair & { readonly origin: Origin; readonly lines: LogLine[] }) {
    this.origin = parts.origin;
    this.lines = parts.lines;
    this.#publisher = parts.publisher;
    this.#player = parts.player;
    this.#stop = parts.stop;
    this.#sent = parts.sent;
  }

  static async open(config: ConfigInput = {}): Promise<HostileStage> {
    const ports = { bind: "127.0.0.1", rtmp: { port: 0 }, http: { port: 0 }, api: { port: 0 } };
    const { log, lines } = memoryLog();
    const origin = createOrigin(configSchema.parse({ continuity: { hold: "0s" }, ...config, ...ports }), {
      log,
    });
    await origin.start();
    return new HostileStage({ origin, lines, ...(await healthyPair(origin.addresses.rtmp)) });
  }

  /** The "session ended" lines, in order. */
  ends(): LogLine[] {
    return this.lines.filter(({ msg }) => msg === "session ended");
  }

  /** Run `act`, wait for exactly one new end, and return its line. */
  async oneEnd(act: () => Promise<unknown>): Promise<LogLine> {
    const before = this.ends().length;
    await act();
    await waitFor(() => this.ends().length > before, { ...PATIENCE, what: "the line of the session" });
    await this.undisturbed();
    const lines = this.ends().slice(before);
    assert.equal(lines.length, 1, "one line for one connection");
    return lines[0] as LogLine;
  }

  /** The player goes on to get every frame, in order, and this origin has found no fault of its own. */
  async undisturbed(): Promise<void> {
    const newest = this.#sent.size;
    const received = () =>
      this.#player.arrivals
        .map(({ message }) => (message.type === MESSAGE.video ? message.payload.toString("hex") : ""))
        .flatMap((payload) => this.#sent.get(payload) ?? []);
    await waitFor(() => (received().at(-1) ?? -1) >= newest, {
      ...PATIENCE,
      what: "the healthy player's next frame",
    });
    const numbers = received();
    numbers.forEach((number, at) =>
      assert.equal(number, (numbers[0] as number) + at, "no frame is missing or twice"),
    );
    assert.equal(this.#publisher.ended, undefined);
    assert.equal(this.#player.ended, undefined);
    assert.deepEqual(
      this.lines.filter(({ level }) => Number(level) >= 50),
      [],
    );
  }

  /** Whether the healthy player has ever got these bytes. */
  saw(payload: Buffer): boolean {
    return this.#player.arrivals.some(({ message }) => message.payload.includes(payload));
  }

  dial(options: { readonly stubborn?: boolean } = {}): Promise<WireClient> {
    return WireClient.open(this.origin.addresses.rtmp, options);
  }

  async connected(options: { readonly stubborn?: boolean } = {}): Promise<WireClient> {
    const client = await this.dial(options);
    await client.connectTo("live", { type: "nonprivate" });
    return client;
  }

  async publishing(name: string, options: { readonly stubborn?: boolean } = {}): Promise<WireClient> {
    const client = await this.connected(options);
    client.tell(1, "publish", null, name, "live");
    await client.status("NetStream.Publish.Start");
    return client;
  }

  async playing(name: string): Promise<WireClient> {
    const client = await this.connected();
    client.tell(1, "play", null, name);
    await client.status("NetStream.Play.Start");
    return client;
  }

  /** Close these, and wait until the origin has noticed. */
  async leave(...clients: readonly WireClient[]): Promise<void> {
    const before = this.ends().length;
    for (const client of clients) client.close();
    await waitFor(() => this.ends().length >= before + clients.length, {
      ...PATIENCE,
      what: "the lines of clients that left",
    });
  }

  async close(): Promise<void> {
    this.#stop();
    await this.origin.stop();
  }
}

interface Pair {
  readonly publisher: WireClient;
  readonly player: WireClient;
  readonly sent: Map<string, number>;
  readonly stop: () => void;
}

async function healthyPair(address: string): Promise<Pair> {
  const publisher = await WireClient.open(address);
  await publisher.connectTo("live", { type: "nonprivate" });
  publisher.tell(1, "publish", null, "healthy", "live");
  await publisher.status("NetStream.Publish.Start");
  const sent = new Map<string, number>();
  for (const header of [media(MESSAGE.video, videoHeader()), media(MESSAGE.audio, audioHeader())])
    publisher.send(header);
  const feed = (): void => {
    const number = sent.size;
    const payload = videoFrame({ key: number % GOP === 0, number, bytes: 3_000 });
    sent.set(payload.toString("hex"), number);
    publisher.send(media(MESSAGE.video, payload, number * FRAME_MS));
    publisher.send(media(MESSAGE.audio, audioFrame({ number }), number * FRAME_MS));
  };
  feed();
  const timer = setInterval(feed, FRAME_MS);
  const player = await WireClient.open(address);
  await player.connectTo("live");
  const stopPings = answerPings(player);
  player.tell(1, "play", null, "healthy");
  await player.status("NetStream.Play.Start");
  const stop = (): void => {
    clearInterval(timer);
    stopPings();
    publisher.close();
    player.close();
  };
  return { publisher, player, sent, stop };
}

/** The messages of a stream that a player has got, as tags. */
export function mediaOf(client: WireClient): RtmpMessage[] {
  const types: readonly number[] = [MESSAGE.audio, MESSAGE.video, MESSAGE.data];
  return client.arrivals.map(({ message }) => message).filter(({ type }) => types.includes(type));
}
