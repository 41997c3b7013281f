import { complaints } from "./complaints.ts";
import { PLAYER_TIMEOUT_MS } from "./player.ts";
import type { Player, PlayerExit } from "./player.ts";
import { Program } from "./run-program.ts";

/** ffmpeg, decoding everything it gets and complaining about all that is missing or damaged. */
export class DecodingPlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  readonly tags = undefined;
  readonly #program: Program;
  #position: number | undefined;

  constructor(url: string) {
    const onOutput = (data: Buffer) => this.#read(data.toString("latin1"));
    const report = ["-progress", "pipe:1", "-stats_period", "0.1"];
    const args = ["-v", "error", "-nostdin", ...report, "-i", url, "-f", "null", "-"];
    this.#program = new Program("ffmpeg", "ffmpeg", args, { onOutput, timeoutMs: PLAYER_TIMEOUT_MS });
    this.exit = this.#program.exit.then(({ code, stderr }) => ({ code, said: complaints(stderr) }));
    this.exit.catch(() => undefined);
  }

  get running(): boolean {
    return this.#program.running;
  }

  get progress(): number | undefined {
    return this.#position;
  }

  units(): undefined {
    return undefined;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  #read(text: string): void {
    const last = [...text.matchAll(/^out_time_us=(\d+)$/gm)].at(-1);
    if (last && Number(last[1]) > 0) this.#position = Number(last[1]) / 1000;
  }
}
