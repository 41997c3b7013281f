import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "../../domain/errors.ts";
import { Tethered } from "./tether.ts";

/** An origin that takes the test picture while it runs. */
export interface PublishTarget {
  readonly name: string;
  readonly rtmp: string;
  readonly running: boolean;
}

export const TEST_STREAM = "live/test";

const PAUSE_MS = 1_000;

/**
 * A moving test picture and a tone, published by ffmpeg to the first origin, and to the next one when that fails: what
 * an encoder behind a load balancer does. `moved` hears where it goes.
 */
export class TestPublisher {
  readonly #stopped = new AbortController();
  #ffmpeg: Tethered | undefined;
  #loop: Promise<void> = Promise.resolve();

  /** @throws HoldfastError `INTERNAL` when there is no ffmpeg */
  start(targets: readonly PublishTarget[], directory: string, moved: (target: PublishTarget) => void): void {
    if (spawnSync("ffmpeg", ["-version"], { stdio: "ignore" }).status !== 0) {
      const detail =
        "ffmpeg is not installed. Install it (Debian, Ubuntu: sudo apt-get install -y ffmpeg; macOS: brew install ffmpeg)";
      throw new HoldfastError("INTERNAL", { detail });
    }
    this.#loop = this.#run(targets, directory, moved);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#ffmpeg?.stop();
    await this.#loop;
  }

  async #run(
    targets: readonly PublishTarget[],
    directory: string,
    moved: (target: PublishTarget) => void,
  ): Promise<void> {
    const { signal } = this.#stopped;
    let last: PublishTarget | undefined;
    for (let turn = 0; !signal.aborted; turn++) {
      const target = targets[turn % targets.length];
      if (target?.running) {
        if (target !== last) moved(target);
        last = target;
        const output = openSync(join(directory, "ffmpeg.log"), "a");
        this.#ffmpeg = new Tethered("ffmpeg", ffmpegArguments(target.rtmp), { output });
        closeSync(output);
        await this.#ffmpeg.ended;
      }
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

function ffmpegArguments(rtmp: string): readonly string[] {
  const lines = [
    "-hide_banner -nostdin -loglevel warning",
    "-re -f lavfi -i testsrc2=size=640x360:rate=25",
    "-re -f lavfi -i sine=frequency=440:sample_rate=44100",
    "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -b:v 800k",
    // A keyframe every 2 s: a player that joins starts within that time.
    "-g 50 -keyint_min 50 -sc_threshold 0",
    "-c:a aac -b:a 96k",
    `-f flv rtmp://${rtmp}/${TEST_STREAM}`,
  ];
  return lines.flatMap((line) => line.split(" "));
}
