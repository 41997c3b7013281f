import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { configSchema } from "../../src/config/schema.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { createIngestPuller } from "../../src/media/ingest/puller.ts";
import { receiveBudgets } from "../../src/media/receive-budgets.ts";
import { writeMessage } from "../../src/media/rtmp/chunk-writer.ts";
import { connectionCommand } from "../../src/media/rtmp/commands.ts";
import { streamEof } from "../../src/media/rtmp/control.ts";
import { MESSAGE, type RtmpMessage } from "../../src/media/rtmp/message.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { HANDSHAKE, mutate, randomFrom } from "../support/noise.ts";
import { sampleFlv, sampleStream } from "../support/sample-stream.ts";
import { accepted, onStatus } from "../support/wire-server.ts";

const ROUNDS = 150;
const AT_ONCE = 25;
const packets = sampleStream({ duration: 600, bytes: 300 });

/** What is sent once the client has said this. */
interface Line {
  readonly after: string;
  readonly bytes: Buffer;
}

const onWire = (message: RtmpMessage | Buffer): Buffer =>
  Buffer.isBuffer(message) ? message : writeMessage(message, 128);
/** What sources send that mean well. */
const rtmp: readonly Line[] = [
  { after: "", bytes: HANDSHAKE },
  { after: "connect", bytes: onWire(accepted(1)) },
  { after: "createStream", bytes: onWire(connectionCommand("_result", 2, null, 1)) },
  {
    after: "play",
    bytes: Buffer.concat([
      onWire(onStatus("status", "NetStream.Play.Start")),
      ...packets.map(({ type, timestamp, payload }) =>
        onWire({ type: MESSAGE[type], streamId: 1, chunkStreamId: 6, timestamp, payload }),
      ),
      streamEof(1),
    ]),
  },
];
const http: readonly Line[] = [
  {
    after: "GET ",
    bytes: Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: video/x-flv\r\nserver: noise\r\n\r\n"),
  },
  { after: "GET ", bytes: sampleFlv(packets) },
];

/** The same with a few other bytes in some lines, and now and then a line cut short. */
function noisy(lines: readonly Line[], random: () => number): Line[] {
  return lines.map(({ after, bytes }) => {
    const said = Buffer.from(bytes);
    if (random() < 0.4) mutate(said, 1, random);
    return { after, bytes: random() < 0.05 ? said.subarray(0, Math.floor(random() * said.length)) : said };
  });
}

/** Say the lines as the client says what they wait for. */
function speak(socket: Socket, lines: Line[], stays: boolean): void {
  let heard = "";
  const say = (): void => {
    while (lines[0] && heard.includes(lines[0].after)) socket.write((lines.shift() as Line).bytes);
    if (lines.length === 0 && !stays) socket.end();
  };
  socket.on("data", (data: Buffer) => {
    heard += data.toString("latin1");
    say();
  });
  say();
}

/** Pull so many times from a server that says what `saying` makes, and look whether each pull ends as it may. */
async function pullNoise(t: TestContext, scheme: "rtmp" | "http", lines: readonly Line[]) {
  const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    speak(socket, noisy(lines, random), random() < 0.2);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const config = configSchema.parse({ ingest: { connectTimeout: "1s", idleTimeout: "500ms" } });
  const budgets = receiveBudgets(config.limits);
  const log = pino({ level: "silent" });
  const puller = createIngestPuller({ config, clock: systemClock, log, budgets });
  const { port } = server.address() as AddressInfo;
  // A redirect to noise must not lead out of this machine: names in it are too rare to happen.
  const url = `${scheme}://user:hunter2@127.0.0.1:${port}/live/cam.flv?token=hunter2`;
  const outcomes: Record<string, number> = {};
  const pull = async (): Promise<void> => {
    let over = false;
    const sink = {
      opened: () => undefined,
      write: ({ payload }: MediaPacket) => assert.ok(!over && payload.length > 0),
    };
    const target = { url, label: "live/cam", validFor: () => 5_000 };
    const said = await puller.pull(target, sink, new AbortController().signal).then(
      () => "ended",
      (error: Error & { code?: string }) => {
        assert.match(error.code ?? String(error.stack), /^SOURCE_(UNREACHABLE|REFUSED|UNSUPPORTED|FAILED)$/);
        assert.ok(!error.message.includes("hunter2"), error.message);
        assert.ok(!(error.cause instanceof TypeError || error.cause instanceof RangeError));
        return error.code ?? "";
      },
    );
    over = true;
    outcomes[said] = (outcomes[said] ?? 0) + 1;
  };
  for (let round = 0; round < ROUNDS; round += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, pull));
  assert.equal(budgets.all.taken, 0, "all memory is given back");
  t.diagnostic(JSON.stringify(outcomes));
  return outcomes;
}

for (const [scheme, lines] of [
  ["rtmp", rtmp],
  ["http", http],
] as const)
  test(`a source by ${scheme} that says anything at all ends its own pull and nothing else`, async (t) => {
    const outcomes = await pullNoise(t, scheme, lines);
    assert.ok((outcomes["ended"] ?? 0) > 0 && (outcomes["SOURCE_FAILED"] ?? 0) > 0);
  });
