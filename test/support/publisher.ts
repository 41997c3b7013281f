import { flvHeader, flvTag } from "./flv-file.ts";
import type { FlvTag } from "./flv-file.ts";
import { MediaFeed } from "./media-feed.ts";
import type { FeedOptions } from "./media-feed.ts";
import type { MediaUnit } from "./media-units.ts";
import { Program } from "./run-program.ts";
import type { ProgramExit } from "./run-program.ts";

/** A client that publishes prepared media at the pace of its timestamps, while it does. */
export interface Publisher {
  readonly running: boolean;
  readonly exit: Promise<{ readonly code: number | null; readonly said: string }>;
  /** Media handed to it so far, in ms. */
  readonly position: number;
  /** The frames handed to it so far. */
  sent(): MediaUnit[];
  /** Publish at least `ms` more of media, then leave in order, and wait until it is gone. */
  finish(ms: number): Promise<void>;
  /** Be gone in the middle of it, as after a crash: the connection breaks without a word. */
  die(): Promise<void>;
  /** Clean up; may be called at any time. */
  stop(): Promise<void>;
}

/** A program that reads FLV from its standard input and publishes it. */
export class ProgramPublisher implements Publisher {
  readonly exit: Promise<{ readonly code: number | null; readonly said: string }>;
  readonly #program: Program;
  readonly #feed: MediaFeed;

  constructor(command: string, args: readonly string[], tags: readonly FlvTag[], options: FeedOptions = {}) {
    this.#program = new Program(command, command, args, { input: true, timeoutMs: 120_000 });
    const tracks = {
      audio: tags.some(({ type }) => type === 8),
      video: tags.some(({ type }) => type === 9),
    };
    this.#program.input.write(flvHeader(tracks));
    this.#feed = new MediaFeed(tags, (tag) => this.#program.input.write(flvTag(tag)), options);
    this.exit = this.#program.exit.then((exit: ProgramExit) => {
      this.#feed.stop();
      return { code: exit.code, said: exit.stderr };
    });
    this.exit.catch(() => this.#feed.stop());
  }

  get running(): boolean {
    return this.#program.running;
  }

  get position(): number {
    return this.#feed.position;
  }

  sent(): MediaUnit[] {
    return this.#feed.sent;
  }

  async finish(ms: number): Promise<void> {
    await this.#feed.finish(ms);
    this.#program.input.end();
    await this.exit;
  }

  /** Send a signal, such as SIGSTOP: its media waits in the pipe until SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.#program.kill(signal);
  }

  async die(): Promise<void> {
    this.#feed.breakOff();
    await this.#program.stop();
  }

  stop(): Promise<void> {
    return this.die();
  }
}
