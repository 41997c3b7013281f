import { createServer, type AddressInfo, type Socket } from "node:net";
import fc from "fast-check";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { encodeAmf0 } from "../../../src/media/rtmp/amf0-encode.ts";
import type { AmfValue } from "../../../src/media/rtmp/amf0.ts";
import { writeMessage } from "../../../src/media/rtmp/chunk-writer.ts";
import { RtmpClient } from "../../../src/media/rtmp/client.ts";
import { pingRequest, setChunkSize, streamEof, windowAckSize } from "../../../src/media/rtmp/control.ts";
import { MESSAGE } from "../../../src/media/rtmp/message.ts";
import { HANDSHAKE } from "../../support/noise.ts";
import { sampleStream } from "../../support/sample-stream.ts";
import { hashOf, Random, splitBytes } from "../engine/random.ts";
import { Broken, must, type FuzzTarget } from "../engine/target.ts";
import { regressions } from "../seeds.ts";
import { AMF_WORDS, amfValue } from "./amf-arbitraries.ts";

const LIMITS = {
  messageBytes: 65_536,
  chunkStreams: 16,
  halfReceivedBytes: 1 << 20,
  amf: { depth: 16, elements: 1_024 },
};
/** How a connection to a strange server may end. */
const CODES = [
  "RELAY_FAILED",
  "PROTOCOL_VIOLATION",
  "LIMIT_EXCEEDED",
  "TIMED_OUT",
  "STREAM_ENDED",
  "CLIENT_LEFT",
];
/** A server that says nothing is waited for so long. */
const TIMEOUT_MS = 60_000;

/** What the next connection gets. */
let script: { readonly pieces: Buffer[]; readonly reset: boolean } = { pieces: [], reset: false };
const server = createServer(serve);
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;

function serve(socket: Socket): void {
  const { pieces, reset } = script;
  socket.setNoDelay(true);
  socket.on("error", () => undefined).resume();
  for (const piece of pieces) socket.write(piece);
  if (reset) socket.write("", () => void socket.resetAndDestroy());
  else socket.end();
}

/** Our client at a server that says whatever it likes. The first byte says what the client wants. */
async function run(input: Buffer): Promise<void> {
  const mode = input[0] ?? 0;
  const bytes = mode & 8 ? input.subarray(1) : Buffer.concat([HANDSHAKE, input.subarray(1)]);
  script = { pieces: splitBytes(bytes, new Random(hashOf(input))), reset: (mode & 4) !== 0 };
  const signal = new AbortController().signal;
  const target = { host: "127.0.0.1", port, app: "live", tcUrl: "rtmp://127.0.0.1/live" };
  const client = new RtmpClient({ ...target, timeoutMs: TIMEOUT_MS, limits: LIMITS, signal });
  let over = false;
  const pipelined = (mode & 1) !== 0;
  const started =
    mode & 2
      ? client.publish("cam", { pipelined }).then((answer) => {
          client.send(MESSAGE.video, 0, Buffer.alloc(200));
          return answer;
        })
      : client.play(
          "cam",
          ({ payload }) => must(!over && payload.length <= LIMITS.messageBytes, "media after the end"),
          {
            pipelined,
          },
        );
  const [answer, end] = await Promise.all([started.catch(expected), client.ended]);
  over = true;
  await client.connected.catch(expected);
  expected(end.reason);
  if (answer && "outcome" in answer && answer.outcome === "redirected")
    must(answer.url !== "", "a redirect to nowhere");
}

/** The error of ours that it must be. */
function expected(reason: unknown): undefined {
  if (!(reason instanceof HoldfastError) || !CODES.includes(reason.code))
    throw new Broken(`it ends with ${String(reason)}`, { cause: reason });
  // What is no HoldfastError inside is a fault of the client, whatever it is called.
  const { cause } = reason;
  if (cause instanceof TypeError || cause instanceof RangeError)
    throw new Broken(`inside: ${String(cause)}`, { cause });
}

const message = (type: number, streamId: number, payload: Buffer, timestamp = 0): Buffer =>
  writeMessage({ type, streamId, chunkStreamId: 3 + (type % 4), timestamp, payload }, 128);
const command = (...values: AmfValue[]): Buffer => message(MESSAGE.command, 0, encodeAmf0(...values));

const code = fc.constantFrom(
  ...[
    "NetStream.Play.Start",
    "NetStream.Publish.Start",
    "NetStream.Play.StreamNotFound",
    "NetStream.Play.UnpublishNotify",
  ],
  ...[
    "NetStream.Play.Stop",
    "NetConnection.Connect.Success",
    "NetConnection.Connect.Rejected",
    "NetStream.Play.Reset",
    "",
  ],
);
const info = fc
  .record({
    level: fc.constantFrom("status", "error", "warning"),
    code,
    ex: fc.constantFrom<AmfValue>(
      undefined,
      { redirect2: "rtmp://h/live/x" },
      { redirect: "" },
      { code: 302, redirect: "rtmp://h/a" },
    ),
  })
  .map((value): AmfValue => value);
const transaction = fc.constantFrom(1, 2, 3, 4, 5, 0, -1);
const said = fc.oneof(
  fc
    .tuple(fc.constantFrom("_result", "_error"), transaction, info)
    .map(([name, id, value]) => command(name, id, {}, value)),
  fc
    .tuple(transaction, fc.constantFrom<AmfValue>(1, 0, 7, "1", null))
    .map(([id, value]) => command("_result", id, null, value)),
  fc
    .tuple(fc.constantFrom("onStatus", "close", "onBWDone"), info)
    .map(([name, value]) => command(name, 0, null, value)),
  fc.constantFrom(
    streamEof(1),
    pingRequest(7),
    windowAckSize(1),
    setChunkSize(4_096),
    windowAckSize(2_500_000),
  ),
  fc
    .tuple(fc.constantFrom(15, 17, 18, 20), amfValue)
    .map(([type, value]) => message(type, 1, Buffer.from(value))),
  fc.nat(20).map((from) =>
    Buffer.concat(
      sampleStream({ duration: 300 })
        .slice(from, from + 6)
        .map(({ type, timestamp, payload }) => message(MESSAGE[type], 1, payload, timestamp)),
    ),
  ),
);
const status = (streamId: number, value: AmfValue): Buffer =>
  message(MESSAGE.command, streamId, encodeAmf0("onStatus", 0, null, value));
const started = status(1, { level: "status", code: "NetStream.Play.Start" });
/** What a server says that means well, up to the media. */
const greeting = (call: number): Buffer =>
  Buffer.concat([
    command("_result", 1, {}, { level: "status", code: "NetConnection.Connect.Success" }),
    command("_result", call, null, 1),
    started,
  ]);

const connected = greeting(2).subarray(0, greeting(2).length - started.length);
/** What servers really say instead of media: not found, an order to go elsewhere in both forms, a question who we are. */
const refusals = [
  status(1, { level: "error", code: "NetStream.Play.StreamNotFound", description: "no" }),
  status(0, {
    level: "error",
    code: "NetConnection.Connect.Rejected",
    description: "RTMP 302 Redirect",
    ex: { code: 302, redirect: "rtmp://127.0.0.1:1/live", redirect2: "rtmp://127.0.0.1:1/live/cam?a=b" },
  }),
  Buffer.concat([started, status(1, { level: "status", code: "NetStream.Play.UnpublishNotify" })]),
  command("_error", 3, null, { level: "error", code: "NetStream.Play.Failed", description: "no" }),
  message(MESSAGE.aggregate, 1, Buffer.from("090000020000000000000017010000000d", "hex")),
];

export const target: FuzzTarget = {
  name: "rtmp-client",
  codes: [],
  structure: fc
    .tuple(fc.constantFrom(0, 1, 2, 3, 4, 8), fc.constantFrom(0, 2, 4), fc.array(said, { maxLength: 6 }))
    .map(([mode, call, all]) =>
      Buffer.concat([Buffer.from([mode]), call > 0 ? greeting(call) : Buffer.alloc(0), ...all]),
    ),
  seeds: [
    ...[0, 1, 2, 3].map((mode) =>
      Buffer.concat([Buffer.from([mode]), greeting(mode & 2 ? 4 : 2), streamEof(1)]),
    ),
    ...[0, 1].flatMap((mode) =>
      refusals.map((said) => Buffer.concat([Buffer.from([mode]), connected, said])),
    ),
    ...regressions("rtmp-client"),
  ],
  words: [...AMF_WORDS, "_result", "_error", "onStatus", "redirect2", "NetStream.Play.Start"],
  mostBytes: 8_192,
  mostSteps: (bytes) => 500_000 + 4_000 * bytes,
  mostMemory: (bytes) => ({ largest: (1 << 20) + 4 * bytes, total: (8 << 20) + 16_384 * bytes }),
  run,
  close: () => void server.close(),
};
