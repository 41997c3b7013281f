import { HoldfastError } from "../../domain/errors.ts";
import type { AmfValue } from "./amf0.ts";
import { ClientCalls } from "./client-calls.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ClientEnd, DialOptions, MediaListener, StreamOptions } from "./client-options.ts";
import { answerOf, failureOf, isEnd, readStatus } from "./client-status.ts";
import type { RtmpStatus, StreamAnswer } from "./client-status.ts";
import { amf0Part, decodeCommand, isCommand, isData, streamCommand, type RtmpCommand } from "./commands.ts";
import { readUserControl, setBufferLength, setChunkSize } from "./control.ts";
import { CHUNK_STREAM, MESSAGE, type RtmpMessage } from "./message.ts";

const FLASH_VERSION = "FMLE/3.0 (compatible; Holdfast)";
const PUBLISH_CHUNK_SIZE = 65_536;
const PLAY_BUFFER_MS = 1_000;
const FAREWELL_MS = 1_000;

/**
 * Connect to an RTMP server.
 *
 * @throws HoldfastError `RELAY_FAILED` when it cannot be reached, refuses or breaks off, `TIMED_OUT` when it is
 * silent, `PROTOCOL_VIOLATION` or `LIMIT_EXCEEDED` for what it sends; the signal's reason when aborted
 */
export async function dial(options: DialOptions): Promise<RtmpClient> {
  const client = new RtmpClient(options);
  await client.connected;
  return client;
}

/**
 * One connection to an RTMP server, for one stream. `connect` is on its way when the constructor returns.
 *
 * Every method rejects as {@link dial} does. Whoever made it ends it, by `leave`, `destroy` or the signal.
 */
export class RtmpClient {
  /** Resolves when the server has accepted `connect`. */
  readonly connected: Promise<void>;
  /** Resolves, and never rejects, when the connection is over. */
  readonly ended: Promise<ClientEnd>;
  readonly #options: DialOptions;
  readonly #connection: ClientConnection;
  readonly #calls: ClientCalls;
  readonly #abort = (): void => this.#destroy("left", this.#options.signal.reason);
  #streamId = 1;
  /** Takes the answer to the `play` or `publish` that is under way. */
  #starting: ((answer: StreamAnswer) => void) | undefined;
  #onMedia: MediaListener | undefined;
  #manner: ClientEnd["how"] = "failed";
  #redirect: string | undefined;
  #refusal: RtmpStatus | undefined;
  #end: (end: ClientEnd) => void = () => {};

  constructor(options: DialOptions) {
    options.signal.throwIfAborted();
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#connection = new ClientConnection(options, options.limits, {
      message: (message) => this.#message(message),
      closed: (reason) => this.#closed(reason),
    });
    this.#calls = new ClientCalls((message) => this.#connection.write(message));
    options.signal.addEventListener("abort", this.#abort, { once: true });
    this.connected = this.#inTime("connect", this.#connect());
    // Whoever pipelines waits for it later.
    this.connected.catch(() => {});
  }

  /** Bytes sent that the server has not taken yet. */
  get backlog(): number {
    return this.#connection.backlog;
  }

  /** Whether the server has shown that it speaks RTMP. */
  get reached(): boolean {
    return this.#connection.shaken;
  }

  /** What the server said when it refused `connect`, createStream, or to go on. */
  get refusal(): RtmpStatus | undefined {
    return this.#refusal;
  }

  /** Play a stream; `name` may carry a query. Messages may come before the answer does. */
  play(name: string, onMedia: MediaListener, options: StreamOptions = {}): Promise<StreamAnswer> {
    this.#onMedia = onMedia;
    // -2: live or recorded, as every player asks.
    return this.#start("play", [name, -2_000], options);
  }

  /** Publish a stream; `name` may carry a query. Then {@link send}. */
  publish(name: string, options: StreamOptions = {}): Promise<StreamAnswer> {
    this.#connection.write(setChunkSize(PUBLISH_CHUNK_SIZE));
    this.#connection.sendChunkSize = PUBLISH_CHUNK_SIZE;
    // Older servers make room for the stream here. Their answers mean nothing.
    this.#calls.tell("releaseStream", null, name);
    this.#calls.tell("FCPublish", null, name);
    return this.#start("publish", [name, "live"], options);
  }

  /** Send audio (8), video (9) or data (18) of the published stream. Look at `backlog`. */
  send(type: number, timestamp: number, payload: Buffer): void {
    const { audio, video, stream } = CHUNK_STREAM;
    const chunkStreamId = type === MESSAGE.audio ? audio : type === MESSAGE.video ? video : stream;
    this.#connection.write({ type, streamId: this.#streamId, chunkStreamId, timestamp, payload });
  }

  /** End in order: what was sent arrives, and the server is told. */
  leave(): void {
    this.#calls.tell("deleteStream", null, this.#streamId);
    this.#manner = "left";
    this.#connection.finish(new HoldfastError("CLIENT_LEFT"), FAREWELL_MS);
  }

  /** End at once. */
  destroy(): void {
    this.#destroy("left", new HoldfastError("CLIENT_LEFT"));
  }

  async #connect(): Promise<void> {
    const { app, tcUrl, connectExtras } = this.#options;
    const answer = await this.#calls.call("connect", {
      app,
      flashVer: FLASH_VERSION,
      tcUrl,
      fpad: false,
      capabilities: 15,
      audioCodecs: 4_071,
      videoCodecs: 252,
      videoFunction: 1,
      objectEncoding: 0,
      ...connectExtras,
    });
    if (answer.name !== "_result") throw this.#refused("connect", readStatus(answer));
  }

  async #start(
    command: "play" | "publish",
    args: readonly AmfValue[],
    { pipelined = false }: StreamOptions,
  ): Promise<StreamAnswer> {
    if (!pipelined) await this.connected;
    const created = this.#createStream();
    if (!pipelined) this.#streamId = await this.#inTime("createStream", created);
    const asked = this.#ask(command, args);
    const [streamId, , answer] = await this.#inTime(command, Promise.all([created, this.connected, asked]));
    if (streamId === this.#streamId) return answer;
    const detail = "the server made another message stream than was expected";
    throw this.#fail(new HoldfastError("PROTOCOL_VIOLATION", { detail, streamId }));
  }

  async #createStream(): Promise<number> {
    const answer = await this.#calls.call("createStream", null);
    const streamId = answer.args[1];
    if (answer.name === "_result" && typeof streamId === "number") return streamId;
    throw this.#refused("createStream", readStatus(answer));
  }

  /** Ask for the stream. The answer is an onStatus, an `_error`, or the media itself. */
  #ask(command: "play" | "publish", args: readonly AmfValue[]): Promise<StreamAnswer> {
    const transaction = this.#calls.next();
    const said = new Promise<StreamAnswer>((resolve, reject) => {
      this.#starting = resolve;
      void this.ended.then(({ reason }) => reject(reason));
    });
    // A `_result` says nothing yet; the status comes behind it.
    const called = this.#calls.answer(transaction).then((answer) => {
      if (answer.name === "_error") this.#answer({ outcome: "refused", status: readStatus(answer) });
      return said;
    });
    this.#connection.write(streamCommand(this.#streamId, command, transaction, null, ...args));
    if (command === "play") this.#connection.write(setBufferLength(this.#streamId, PLAY_BUFFER_MS));
    return Promise.race([said, called]);
  }

  #answer(answer: StreamAnswer): void {
    this.#starting?.(answer);
    this.#starting = undefined;
  }

  #message(message: RtmpMessage): void {
    if (message.type === MESSAGE.audio || message.type === MESSAGE.video) {
      this.#answer({ outcome: "started" });
      this.#onMedia?.(message);
    } else if (isData(message)) {
      this.#onMedia?.({ ...message, type: MESSAGE.data, payload: amf0Part(message) });
    } else if (isCommand(message)) {
      this.#command(decodeCommand(message, this.#options.limits.amf));
    } else if (message.type === MESSAGE.userControl) {
      if (!this.#starting && readUserControl(message).event === "streamEof") this.#finish();
    }
  }

  #command(command: RtmpCommand): void {
    if (command.name === "_result" || command.name === "_error") this.#calls.settle(command);
    else if (command.name === "onStatus") this.#status(command);
    else if (command.name === "close")
      this.#fail(new HoldfastError("RELAY_FAILED", { detail: "the server closed the stream" }));
  }

  #status(command: RtmpCommand): void {
    const status = readStatus(command);
    const answer = answerOf(status);
    if (this.#starting) {
      if (answer) this.#answer(answer);
    } else if (isEnd(status)) {
      this.#finish();
    } else if (answer && answer.outcome !== "started") {
      this.#redirect = status.redirect;
      this.#refused("to go on", status);
    }
  }

  #finish(): void {
    this.#destroy("finished", new HoldfastError("STREAM_ENDED"));
  }

  #refused(what: string, status: RtmpStatus): HoldfastError {
    this.#refusal = status;
    return this.#fail(failureOf(what, status));
  }

  #fail(error: HoldfastError): HoldfastError {
    this.#destroy("failed", error);
    return error;
  }

  #destroy(how: ClientEnd["how"], reason: unknown): void {
    this.#manner = how;
    this.#connection.destroy(reason);
  }

  #closed(reason: unknown): void {
    this.#options.signal.removeEventListener("abort", this.#abort);
    this.#starting = undefined;
    this.#onMedia = undefined;
    this.#calls.fail(reason);
    this.#end({ how: this.#manner, reason, redirect: this.#redirect });
  }

  async #inTime<T>(what: string, answer: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    const timer = setTimeout(() => {
      this.#fail(new HoldfastError("TIMED_OUT", { detail: `the server did not answer ${what}`, timeoutMs }));
    }, timeoutMs);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }
}
