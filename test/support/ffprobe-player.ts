import type { MediaUnit } from "./media-units.ts";
import { PLAYER_TIMEOUT_MS } from "./player.ts";
import type { Player, PlayerExit } from "./player.ts";
import { Program } from "./run-program.ts";

/** ffprobe, listing every packet with its hash. */
export class FfprobePlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  readonly tags = undefined;
  readonly #program: Program;
  readonly #units: MediaUnit[] = [];
  #rest = "";
  #packet = "";

  constructor(url: string, more: readonly string[] = []) {
    const show = ["-show_packets", "-show_data_hash", "sha160", "-print_format", "compact=nokey=0"];
    const entries = ["-show_entries", "packet=codec_type,pts,dts,flags,data_hash"];
    const args = ["-v", "error", ...more, ...show, ...entries, url];
    const onOutput = (data: Buffer) => this.#read(data.toString("latin1"));
    this.#program = new Program("ffprobe", "ffprobe", args, { onOutput, timeoutMs: PLAYER_TIMEOUT_MS });
    this.exit = this.#program.exit.then(({ code, stderr }) => ({ code, said: stderr }));
  }

  get running(): boolean {
    return this.#program.running;
  }

  get progress(): number | undefined {
    return this.#units.at(-1)?.dts;
  }

  units(): MediaUnit[] {
    return [...this.#units];
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      // A packet with a new sequence header is written on two lines.
      if (line.startsWith("packet|")) this.#packet = line;
      else this.#packet += line;
      const fields = new Map(this.#packet.split("|").map((field) => field.split("=", 2) as [string, string]));
      const hash = fields.get("data_hash");
      if (hash === undefined) continue;
      this.#packet = "";
      const dts = Number(fields.get("dts"));
      this.#units.push({
        track: fields.get("codec_type") as MediaUnit["track"],
        dts,
        cts: Number(fields.get("pts")) - dts,
        key: fields.get("flags")?.startsWith("K") ?? false,
        hash: hash.split(":")[1]?.toLowerCase() ?? "",
      });
    }
  }
}
