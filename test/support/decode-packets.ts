import { spawn } from "node:child_process";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { sampleFlv } from "./sample-stream.ts";

/** How many frames ffmpeg decodes of these packets. It must find nothing wrong with them. */
export async function decodedFrames(
  packets: readonly MediaPacket[],
): Promise<{ readonly video: number; readonly audio: number }> {
  const entries = ["-v", "error", "-count_frames", "-show_entries", "stream=codec_type,nb_read_frames"];
  const probe = spawn("ffprobe", [...entries, "-of", "csv=p=0", "-f", "flv", "-"], { stdio: "pipe" });
  let out = "";
  let errors = "";
  probe.stdout.on("data", (data: Buffer) => (out += data.toString()));
  probe.stderr.on("data", (data: Buffer) => (errors += data.toString()));
  probe.stdin.on("error", () => undefined);
  probe.stdin.end(sampleFlv(packets));
  const code = await new Promise((resolve) => probe.once("close", resolve));
  if (code !== 0 || errors !== "") throw new Error(`ffprobe ended with ${String(code)}: ${errors}`);
  const count = (type: string): number => Number(new RegExp(`${type},(\\d+)`).exec(out)?.[1] ?? 0);
  return { video: count("video"), audio: count("audio") };
}
