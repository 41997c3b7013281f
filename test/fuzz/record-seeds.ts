// Usage: node --import tsx test/fuzz/record-seeds.ts [NAME…]
//
// Run real clients against an origin, keep what they send, and write it to test/fuzz/seeds; without names all of them.
// Media is a picture of 32x32 and a quiet tone, and the middle of long sessions is left out: all seeds together take
// some hundred kilobytes.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { configSchema } from "../../src/config/schema.ts";
import { createOrigin } from "../../src/origin.ts";
import { readFlv, type FlvTag } from "../support/flv-file.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { waitFor } from "../support/wait.ts";
import { CLIENTS } from "./record/clients.ts";
import { startTap } from "./record/tap.ts";
import { trimHttp, trimRtmp } from "./record/trim.ts";

const MOST_BYTES = 12_288;
const SEEDS = join(import.meta.dirname, "seeds");

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(CLIENTS);
const folder = mkdtempSync(join(tmpdir(), "holdfast-seeds-"));
mkdirSync(SEEDS, { recursive: true });
const tags = await tinyMedia();
const ports = { rtmp: { port: 0 }, http: { port: 0 }, api: { port: 0 } };
const origin = createOrigin(
  configSchema.parse({
    name: "o1",
    bind: "127.0.0.1",
    ...ports,
    continuity: { hold: "0s" },
    log: { level: "silent" },
  }),
);
await origin.start();
const source = PUBLISHERS.wire.publish(origin.addresses, "live/cam", tags, {});
const publishes = (stream: string): boolean => origin.streams().some((one) => one.stream === stream);
try {
  await waitFor(() => publishes("live/cam"));
  for (const name of names) await record(name);
} finally {
  await source.stop();
  await origin.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function record(name: string): Promise<void> {
  const client = CLIENTS[name];
  if (!client) throw new Error(`there is no client ${name}; these are: ${Object.keys(CLIENTS).join(", ")}`);
  const rtmp = await startTap(origin.addresses.rtmp);
  const http = await startTap(origin.addresses.http);
  const published = async (): Promise<void> => {
    await waitFor(() => publishes("live/seed"), { within: 30_000, what: `the publish of ${name}` });
  };
  try {
    await client({ rtmp: rtmp.address, http: http.address, tags, folder, published });
  } finally {
    await Promise.all([rtmp.stop(), http.stop()]);
  }
  const [capture] = name.startsWith("rtmp-") ? rtmp.captures : http.captures;
  const bytes = Buffer.concat(capture?.chunks ?? []);
  if (bytes.length === 0) throw new Error(`${name} said nothing`);
  const trimmed = name.startsWith("rtmp-") ? trimRtmp(bytes, MOST_BYTES) : trimHttp(bytes, MOST_BYTES);
  writeFileSync(join(SEEDS, `${name}.bin`), trimmed);
  process.stdout.write(`${name}: ${trimmed.length} of ${bytes.length} bytes\n`);
  await waitFor(() => !publishes("live/seed"), { within: 30_000, what: "the end of the publish" });
}

/** A minute of almost nothing, as encoders send it. */
async function tinyMedia(): Promise<FlvTag[]> {
  const file = join(folder, "source.flv");
  const input = "-f lavfi -i testsrc2=s=32x32:r=10 -f lavfi -i sine=f=300:r=22050 -t 60";
  const video = "-c:v libx264 -preset ultrafast -g 10 -bf 2 -b:v 20k -pix_fmt yuv420p";
  const audio = "-c:a aac -b:a 16k -ac 1 -fflags +bitexact -flvflags no_duration_filesize";
  await promisify(execFile)("ffmpeg", [
    "-v",
    "error",
    "-y",
    ...`${input} ${video} ${audio}`.split(" "),
    file,
  ]);
  return readFlv(readFileSync(file));
}
