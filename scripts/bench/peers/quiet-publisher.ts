// Usage: node --import tsx quiet-publisher.ts PORT APP NAME COUNT: publishes COUNT streams of one small keyframe a second.
// Prints "publishing" when all are accepted. For measurements of what happens beside the media.
import { dial, type RtmpClient } from "../../../src/media/rtmp/client.ts";

const [port, app, name, count] = process.argv.slice(2) as [string, string, string, string];
const VIDEO = 9;
const AVC_HEADER = Buffer.from(
  "1700000000014200 29ffe10012674200 29e2901407b602dc040406907891150100 0468ce3c80".replaceAll(" ", ""),
  "hex",
);
const KEYFRAME = Buffer.concat([Buffer.from("1701000000000000406500", "hex"), Buffer.alloc(63, 0x80)]);
const AT_ONCE = 20;

async function publish(number: number): Promise<RtmpClient> {
  const client = await dial({
    host: "127.0.0.1",
    port: Number(port),
    app,
    tcUrl: `rtmp://127.0.0.1:${port}/${app}`,
    timeoutMs: 10_000,
    limits: {
      messageBytes: 65_536,
      chunkStreams: 8,
      halfReceivedBytes: 65_536,
      amf: { depth: 8, elements: 256 },
    },
    signal: AbortSignal.timeout(600_000),
  });
  const answer = await client.publish(`${name}${number}`);
  if (answer.outcome !== "started") throw new Error(`${name}${number}: ${JSON.stringify(answer)}`);
  client.send(VIDEO, 0, AVC_HEADER);
  client.send(VIDEO, 0, KEYFRAME);
  return client;
}

const clients: RtmpClient[] = [];
while (clients.length < Number(count)) {
  const numbers = Array.from(
    { length: Math.min(AT_ONCE, Number(count) - clients.length) },
    (_, i) => clients.length + i,
  );
  clients.push(...(await Promise.all(numbers.map(publish))));
}
process.stdout.write("publishing\n");
let next = 0;
const began = performance.now();
// Spread over the second, so that no play meets a burst.
setInterval(() => {
  for (let due = Math.ceil(clients.length / 50); due > 0; due--) {
    clients[next++ % clients.length]?.send(VIDEO, Math.round(performance.now() - began), KEYFRAME);
  }
}, 20);
