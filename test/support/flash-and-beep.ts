import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { flvHeader, flvTag } from "./flv-file.ts";
import type { FlvTag } from "./flv-file.ts";

const run = promisify(execFile);
/** Marks of one second are further apart than this from those of the next, in s. */
const APART = 0.5;

/** When a decoder shows the white pictures and plays the beeps of a {@link Recipe} with marks, in ms. */
export interface Marks {
  readonly flashes: readonly number[];
  readonly beeps: readonly number[];
}

/** Decode, and find the marks. */
export async function marksOf(tags: readonly FlvTag[]): Promise<Marks> {
  const dir = await mkdtemp(join(tmpdir(), "holdfast-marks-"));
  try {
    const file = join(dir, "played.flv");
    await writeFile(file, Buffer.concat([flvHeader(), ...tags.map(flvTag)]));
    const luma = "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-";
    // In pieces of 5 ms, in one form, whatever the sound was before.
    const level = "astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-";
    const sound = `aresample=48000,aformat=channel_layouts=mono,asetnsamples=240,${level}`;
    return {
      flashes: marks(await decode(file, ["-an", "-vf", luma]), (value) => value > 128),
      beeps: marks(await decode(file, ["-vn", "-af", sound]), (value) => value > -30),
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function decode(file: string, filter: readonly string[]): Promise<string> {
  const args = ["-v", "error", "-nostdin", "-copyts", "-i", file, ...filter, "-f", "null", "-"];
  return (await run("ffmpeg", args, { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

/** `frame:… pts_time:1.2` lines, each followed by `key=value`. */
function marks(printed: string, isMark: (value: number) => boolean): number[] {
  const found: number[] = [];
  let last = -Infinity;
  for (const [, time, value] of printed.matchAll(/pts_time:([\d.]+)\s*\n[^=\n]+=(\S+)/g)) {
    if (!isMark(Number(value))) continue;
    if (Number(time) - last > APART) found.push(Math.round(Number(time) * 1_000));
    last = Number(time);
  }
  return found;
}
