import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { complaints } from "./complaints.ts";
import { flvHeader, flvTag, type FlvTag } from "./flv-file.ts";
import { Program } from "./run-program.ts";

/** Decode tags with ffmpeg. Returns what it complained of, empty when all could be decoded. */
export async function decodingErrors(tags: readonly FlvTag[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "holdfast-decode-"));
  try {
    const file = join(dir, "late.flv");
    await writeFile(file, Buffer.concat([flvHeader(), ...tags.map(flvTag)]));
    const args = ["-v", "error", "-nostdin", "-xerror", "-i", file, "-f", "null", "-"];
    const { code, stderr } = await new Program("ffmpeg", "ffmpeg", args).exit;
    return code === 0 ? complaints(stderr) : `exit code ${code}: ${stderr}`;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
