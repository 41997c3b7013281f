import { createRequire } from "node:module";
import type { FlvTag } from "./flv-file.ts";
import { unitsOf } from "./media-units.ts";
import type { MediaUnit } from "./media-units.ts";
import type { Player, PlayerExit } from "./player.ts";

/** The part of node-media-server's RTMP client that is used here; the package ships no types. */
interface RtmpClient {
  connect(url: string): Promise<void>;
  sendConnect(): Promise<unknown>;
  sendCreateStream(): Promise<number>;
  sendPlay(streamName: string): Promise<unknown>;
  disconnect(): void;
  onPacketCallback: (packet: { codec_type: number; dts: number; size: number; data: Buffer }) => void;
  onCloseCallback: (hadError: boolean) => void;
  onErrorCallback: (error: Error) => void;
  onStatusCallback: (code: string) => void;
}

const require = createRequire(import.meta.url);

/** node-media-server pulling a stream with its own RTMP client. Exit code 0: the server ended the stream. */
export class NodeMediaServerPlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  readonly tags: FlvTag[] = [];
  readonly #client: RtmpClient;
  readonly #codes: string[] = [];
  #running = true;
  #leave: (exit: PlayerExit) => void = () => undefined;

  constructor(url: string) {
    const Client = require("node-media-server/src/protocol/rtmp_client.js") as new () => RtmpClient;
    const logger = require("node-media-server/src/core/logger.js") as { level: string };
    logger.level = "error";
    this.#client = new Client();
    this.exit = new Promise((resolve) => {
      this.#leave = (exit) => {
        this.#running = false;
        resolve(exit);
      };
    });
    this.#client.onPacketCallback = ({ codec_type, dts, size, data }) => {
      const body = Buffer.from(data.subarray(0, size));
      this.tags.push({ type: codec_type as FlvTag["type"], timestamp: dts, body });
    };
    this.#client.onStatusCallback = (code) => void this.#codes.push(code);
    this.#client.onErrorCallback = (error) => this.#leave({ code: 1, said: error.message });
    this.#client.onCloseCallback = () => {
      const code = this.#codes.includes("NetStream.Play.UnpublishNotify") ? 0 : 1;
      this.#leave({ code, said: this.#codes.join(", ") });
    };
    this.#play(url).catch((error: unknown) => this.#leave({ code: 1, said: String(error) }));
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
    this.#leave({ code: null, said: "" });
    this.#client.disconnect();
  }

  async #play(url: string): Promise<void> {
    await this.#client.connect(url);
    await this.#client.sendConnect();
    await this.#client.sendCreateStream();
    await this.#client.sendPlay(url.slice(url.lastIndexOf("/") + 1));
  }
}
