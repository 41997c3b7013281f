// Usage: node --import tsx test/fuzz/record-rtsp-seeds.ts
//
// Pull from GStreamer's RTSP server, and write what it sends to test/fuzz/seeds/rtsp-serve-*.bin. Pictures of 64x64.
import { writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import pino from "pino";
import { configSchema } from "../../src/config/schema.ts";
import { pullRtsp } from "../../src/media/ingest/rtsp-pull.ts";
import { receiveBudgets } from "../../src/media/receive-budgets.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { startGstRtsp } from "../support/start-gst-rtsp.ts";

const PICTURES = "videotestsrc pattern=ball num-buffers=12 ! video/x-raw,width=64,height=64,framerate=25/1";
const SOUND =
  "audiotestsrc num-buffers=12 ! audio/x-raw,rate=22050,channels=1 ! avenc_aac ! rtpmp4gpay pt=97";
const AVC = "x264enc key-int-max=5 bframes=2 b-adapt=false ! video/x-h264,profile=main";
const MOUNTS = {
  "/h264": `( ${PICTURES} ! ${AVC} ! rtph264pay name=pay0 pt=96 mtu=300 ${SOUND} name=pay1 )`,
  "/h265": `( ${PICTURES} ! x265enc key-int-max=5 ! rtph265pay name=pay0 pt=96 mtu=300 )`,
};

const server = await startGstRtsp({ mounts: MOUNTS });
try {
  for (const path of Object.keys(MOUNTS)) {
    const bytes = await record(server.address, path);
    writeFileSync(join(import.meta.dirname, "seeds", `rtsp-serve-gstreamer-${path.slice(1)}.bin`), bytes);
    process.stdout.write(`${path}: ${bytes.length} bytes\n`);
  }
} finally {
  await server.stop();
}

/** What the server sends while `path` is pulled to its end. */
async function record(address: string, path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const [host = "", port] = address.split(":");
  const tap = createServer((client) => {
    const upstream = connect({ host, port: Number(port) });
    upstream.on("data", (data: Buffer) => void chunks.push(data));
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => tap.listen(0, "127.0.0.1", resolve));
  const { limits, rtmp, ingest } = configSchema.parse({});
  const url = `rtsp://127.0.0.1:${(tap.address() as AddressInfo).port}${path}`;
  try {
    await pullRtsp(
      { url, label: "live/seed", validFor: () => 60_000 },
      { opened: () => undefined, write: () => undefined },
      AbortSignal.timeout(60_000),
      {
        ...ingest,
        limits,
        rtmp,
        budgets: receiveBudgets(limits),
        clock: systemClock,
        log: pino({ level: "silent" }),
      },
    );
  } finally {
    tap.close();
  }
  return Buffer.concat(chunks);
}
