import { MESSAGE } from "../../src/media/rtmp/message.ts";
import type { FlvTag } from "./flv-file.ts";
import { unitsOf } from "./media-units.ts";
import type { MediaUnit } from "./media-units.ts";
import type { Player, PlayerExit } from "./player.ts";
import { waitFor } from "./wait.ts";
import { WireClient } from "./wire-client.ts";

const MEDIA: readonly number[] = [MESSAGE.audio, MESSAGE.video, MESSAGE.data];
const UNPUBLISHED = "NetStream.Play.UnpublishNotify";

/** The test's own RTMP player: every message as it was on the wire. Its exit code: 0 told of the end, 1 not. */
export class WirePlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  #client: WireClient | undefined;
  #running = true;

  constructor(address: string, stream: string) {
    this.exit = this.#play(address, stream).then(
      (exit) => ({ ...exit, code: exit.code }),
      (error: unknown) => ({ code: 1, said: String(error) }),
    );
    void this.exit.then(() => (this.#running = false));
  }

  get running(): boolean {
    return this.#running;
  }

  get tags(): readonly FlvTag[] {
    return (this.#client?.arrivals ?? [])
      .filter(({ message }) => MEDIA.includes(message.type))
      .map(({ message }) => ({
        type: message.type as FlvTag["type"],
        timestamp: message.timestamp,
        body: message.payload,
      }));
  }

  get progress(): number | undefined {
    return this.tags.findLast(({ type }) => type !== 18)?.timestamp;
  }

  units(): MediaUnit[] {
    return unitsOf(this.tags);
  }

  async stop(): Promise<void> {
    this.#client?.close();
    this.#running = false;
  }

  async #play(address: string, stream: string): Promise<PlayerExit> {
    const cut = stream.lastIndexOf("/");
    const client = (this.#client = await WireClient.open(address));
    await client.connectTo(stream.slice(0, cut));
    await client.call("createStream", null);
    client.tell(1, "play", null, stream.slice(cut + 1), -2000);
    await waitFor(() => !this.#running || client.ended !== undefined, { within: 90_000, what: "the end" });
    client.close();
    const codes = client
      .commands()
      .filter(({ name }) => name === "onStatus")
      .map(({ args }) => (args[1] as { code?: unknown } | null)?.code);
    return { code: codes.includes(UNPUBLISHED) ? 0 : 1, said: codes.join(", ") };
  }
}
