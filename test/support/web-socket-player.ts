import { WebSocket } from "ws";
import { FlvReader } from "./flv-file.ts";
import type { FlvTag } from "./flv-file.ts";
import { unitsOf } from "./media-units.ts";
import type { MediaUnit } from "./media-units.ts";
import type { Player, PlayerExit } from "./player.ts";

/** A WebSocket that receives FLV, as a player in a browser does. */
export class WebSocketPlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  readonly #socket: WebSocket;
  readonly #reader = new FlvReader();
  #said = "";

  constructor(url: string) {
    this.#socket = new WebSocket(url, { perMessageDeflate: false });
    this.#socket.on("message", (data: Buffer, binary) => {
      try {
        if (!binary) throw new Error("a text message arrived");
        this.#reader.push(data);
      } catch (error) {
        this.#said ||= String(error);
        this.#socket.terminate();
      }
    });
    this.#socket.on("error", (error) => (this.#said ||= error.message));
    this.exit = new Promise((resolve) => {
      this.#socket.once("close", (code) => resolve({ code, said: this.#said }));
    });
  }

  get running(): boolean {
    return this.#socket.readyState === WebSocket.CONNECTING || this.#socket.readyState === WebSocket.OPEN;
  }

  get tags(): readonly FlvTag[] {
    return this.#reader.tags;
  }

  get progress(): number | undefined {
    return this.tags.findLast(({ type }) => type !== 18)?.timestamp;
  }

  units(): MediaUnit[] {
    return unitsOf(this.tags);
  }

  async stop(): Promise<void> {
    this.#socket.terminate();
    await this.exit;
  }
}
