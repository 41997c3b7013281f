import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { complaints } from "./complaints.ts";
import { PLAYER_TIMEOUT_MS } from "./player.ts";
import type { Player, PlayerExit } from "./player.ts";
import { Program } from "./run-program.ts";

/** mpv without a window: it hands no media on, but tells what it is showing. */
export class MpvPlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  readonly tags = undefined;
  readonly #program: Program;
  readonly #dir = mkdtempSync(join(tmpdir(), "holdfast-mpv-"));
  #position: number | undefined;
  #said = "";

  constructor(url: string) {
    const socket = join(this.#dir, "ipc");
    const quiet = ["--no-config", "--vo=null", "--ao=null", "--no-input-terminal", "--msg-level=all=error"];
    const args = [...quiet, "--term-status-msg=", `--input-ipc-server=${socket}`, url];
    const onOutput = (data: Buffer) => (this.#said = (this.#said + data.toString("utf8")).slice(-16_384));
    this.#program = new Program("mpv", "mpv", args, { onOutput, timeoutMs: PLAYER_TIMEOUT_MS });
    this.exit = this.#program.exit.then(({ code, stderr }) => ({
      code,
      said: complaints(this.#said + stderr),
    }));
    this.#observe(socket);
    void this.exit.finally(() => rmSync(this.#dir, { recursive: true, force: true })).catch(() => undefined);
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

  #observe(path: string): void {
    const socket = connect(path);
    let rest = "";
    socket.once("connect", () => socket.write('{"command":["observe_property",1,"time-pos"]}\n'));
    // mpv makes its socket a moment after it was started.
    socket.once("error", () => this.running && setTimeout(() => this.#observe(path), 50).unref());
    socket.on("data", (data) => {
      const lines = (rest + data.toString("utf8")).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        const message = JSON.parse(line) as { name?: string; data?: unknown };
        if (message.name === "time-pos" && typeof message.data === "number")
          this.#position = message.data * 1000;
      }
    });
  }
}
