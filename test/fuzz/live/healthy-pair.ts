import { MESSAGE } from "../../../src/media/rtmp/message.ts";
import { videoFrame, videoHeader } from "../../support/sample-media.ts";
import { waitFor } from "../../support/wait.ts";
import { WireClient } from "../../support/wire-client.ts";
import { media } from "../../support/wire-session.ts";
import { must } from "../engine/target.ts";

const FRAME_MS = 40;
const GOP = 25;
/** A machine that has much else to do is no fault. */
const PATIENCE_MS = 60_000;

/** A publisher and its player, who know nothing of what else goes on. */
export class HealthyPair {
  readonly #publisher: WireClient;
  readonly #player: WireClient;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #received = 0;

  private constructor(publisher: WireClient, player: WireClient) {
    this.#publisher = publisher;
    this.#player = player;
    this.#timer = setInterval(() => this.#send(), FRAME_MS);
  }

  /** @param publishName  with what the origin asks of this publisher alone */
  static async start(address: string, publishName: string, playName: string): Promise<HealthyPair> {
    const clients: WireClient[] = [];
    try {
      const publisher = await join(address, clients);
      publisher.tell(1, "publish", null, publishName, "live");
      await publisher.status("NetStream.Publish.Start");
      publisher.send(media(MESSAGE.video, videoHeader()));
      const player = await join(address, clients);
      player.tell(1, "play", null, playName);
      await player.status("NetStream.Play.Start");
      return new HealthyPair(publisher, player);
    } catch (error) {
      for (const client of clients) client.close();
      throw error;
    }
  }

  /** Frames that the player has got. */
  get received(): number {
    return this.#received;
  }

  /** What was sent until now must arrive: every frame, in order, and nothing else. */
  async check(): Promise<void> {
    const sent = this.#sent;
    await waitFor(() => this.#take() >= sent || this.#player.ended !== undefined, {
      within: PATIENCE_MS,
      what: "the healthy player's media",
    });
    must(this.#publisher.ended === undefined, "the healthy publisher was cut off");
    must(this.#player.ended === undefined, "the healthy player was cut off");
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#player.close();
    this.#publisher.leave();
  }

  #send(): void {
    const number = this.#sent;
    this.#publisher.send(media(MESSAGE.video, frame(number), number * FRAME_MS));
    this.#sent += 1;
    // Nobody looks at its answers again.
    this.#publisher.arrivals.length = 0;
  }

  #take(): number {
    for (const { message } of this.#player.arrivals.splice(0)) {
      must(message.type !== MESSAGE.audio, "the healthy player hears what nobody sent");
      if (message.type !== MESSAGE.video || message.payload.equals(videoHeader())) continue;
      must(
        message.payload.equals(frame(this.#received)),
        `the healthy player misses frame ${this.#received}`,
      );
      this.#received += 1;
    }
    return this.#received;
  }
}

async function join(address: string, clients: WireClient[]): Promise<WireClient> {
  const client = await WireClient.open(address);
  clients.push(client);
  await client.connectTo("live", { type: "nonprivate" });
  return client;
}

function frame(number: number): Buffer {
  return videoFrame({ key: number % GOP === 0, number });
}
