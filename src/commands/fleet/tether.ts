import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

export interface TetherOptions {
  /** File descriptor for its stdout and stderr. */
  readonly output: number;
  /** Directory that is removed when the program was ended because we stopped it, or died ourselves. */
  readonly remove?: string;
}

/**
 * A program of somebody else (redis-server, ffmpeg) that ends with this process, however that ends.
 *
 * A shell between us and it holds the other end of a pipe: when the pipe closes, the program gets SIGTERM, and
 * SIGKILL 2 s later. In a session of its own, so that Ctrl-C reaches us only and we can end things in order.
 */
export class Tethered {
  readonly #child: ChildProcess;
  /** Resolves with the exit code, or 128 + the signal, when the program has ended. */
  readonly ended: Promise<number>;

  constructor(command: string, args: readonly string[], { output, remove = "" }: TetherOptions) {
    this.#child = spawn("/bin/sh", ["-c", SCRIPT, "holdfast-tether", remove, command, ...args], {
      stdio: ["pipe", output, output],
      detached: true,
    });
    // EPIPE when it ended first; `ended` tells.
    this.#child.stdin?.on("error", () => undefined);
    this.ended = once(this.#child, "exit").then(
      ([code]) => (code as number | null) ?? 1,
      () => 1,
    );
  }

  /** End it in order. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.ended;
  }
}

// A background job of a shell script gets /dev/null as its stdin, hence descriptor 3. USR1 interrupts the first wait.
const SCRIPT = `
remove=$1; shift
asked=
trap 'asked=yes' USR1
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
(
  cat <&3 >/dev/null
  kill -USR1 $$
  kill -TERM "$program"
  sleep 2
  kill -KILL "$program"
) 2>/dev/null &
exec 3<&-
wait "$program"
code=$?
while kill -0 "$program" 2>/dev/null; do
  wait "$program"
  code=$?
done
if [ -n "$asked" ] && [ -n "$remove" ]; then rm -rf -- "$remove"; fi
trap '' TERM
kill -TERM -$$ 2>/dev/null
exit "$code"
`;
