import { FlvReader } from "./flv-file.ts";
import type { FlvTag } from "./flv-file.ts";
import { unitsOf } from "./media-units.ts";
import type { MediaUnit } from "./media-units.ts";
import { Program } from "./run-program.ts";

/** How a player ended. */
export interface PlayerExit {
  /** The program's exit code, or the WebSocket's close code; `null` when it was killed. */
  readonly code: number | null;
  readonly said: string;
}

/** A client that plays a stream, while it does. */
export interface Player {
  readonly running: boolean;
  readonly exit: Promise<PlayerExit>;
  /** Timestamp of the newest media in ms; `undefined` before the first. */
  readonly progress: number | undefined;
  /** What came out of it, when it hands media on. */
  readonly tags: readonly FlvTag[] | undefined;
  /** The frames that came out of it, when it hands any on or tells their hashes. */
  units(): MediaUnit[] | undefined;
  stop(): Promise<void>;
}

/** A player that is still there then has been forgotten. */
export const PLAYER_TIMEOUT_MS = 90_000;

/** A program that writes what it plays to standard output as FLV. */
export class FlvPlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  readonly #program: Program;
  readonly #reader = new FlvReader();
  #fault: unknown;

  constructor(name: string, command: string, args: readonly string[]) {
    const onOutput = (data: Buffer) => {
      try {
        this.#reader.push(data);
      } catch (error) {
        this.#fault ??= error;
      }
    };
    this.#program = new Program(name, command, args, { onOutput, timeoutMs: PLAYER_TIMEOUT_MS });
    this.exit = this.#program.exit.then(({ code, stderr }) => ({ code, said: stderr }));
  }

  get running(): boolean {
    return this.#program.running;
  }

  get tags(): readonly FlvTag[] {
    if (this.#fault) throw this.#fault;
    return this.#reader.tags;
  }

  get progress(): number | undefined {
    return this.tags.findLast(({ type }) => type !== 18)?.timestamp;
  }

  units(): MediaUnit[] {
    return unitsOf(this.tags);
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
