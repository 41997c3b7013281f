import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HOSTILE_REQUESTS, speak, UPGRADE } from "../support/hostile-requests.ts";
import { HostileStage } from "../support/hostile-stage.ts";
import { webSocketFrame } from "../support/noise.ts";
import { startFlv } from "../support/start-flv.ts";
import { waitFor } from "../support/wait.ts";

const PATIENCE = { within: 20_000 };
let stage: HostileStage;
before(async () => {
  stage = await HostileStage.open({ play: { waitForPublish: "0s" } });
});
after(() => stage.close());

for (const { name, request, answer } of HOSTILE_REQUESTS)
  test(`${name} is answered, and disturbs nobody`, async () => {
    const said = speak(stage.origin.addresses.http, request);
    await waitFor(() => answer.test(said.answer()), { ...PATIENCE, what: `${answer} in the answer` }).catch(
      (error: unknown) => {
        throw new Error(`answered: ${JSON.stringify(said.answer().slice(0, 400))}`, { cause: error });
      },
    );
    said.socket.destroy();
    await stage.undisturbed();
  });

const FRAMES: readonly (readonly [name: string, frames: Buffer, close: number])[] = [
  ["a message that is too long", Buffer.from("82fe080001020304", "hex"), 1_009],
  ["reserved bits", webSocketFrame(2, Buffer.from("x")).fill(0xf2, 0, 1), 1_002],
  ["an unknown opcode", webSocketFrame(7, Buffer.from("x")), 1_002],
  ["a frame without mask", Buffer.from([0x82, 0x01, 0x78]), 1_002],
  ["a continuation of nothing", webSocketFrame(0, Buffer.from("x")), 1_002],
  ["text that is not UTF-8", webSocketFrame(1, Buffer.from([0xff, 0xfe])), 1_007],
  ["a close with half a code", webSocketFrame(8, Buffer.from([3])), 1_002],
];

for (const [name, frames, code] of FRAMES)
  test(`a WebSocket player that sends ${name} is closed with ${code}, and one line`, async () => {
    const line = await stage.oneEnd(async () => {
      const { socket, bytes } = await webSocket();
      socket.write(frames);
      const close = Buffer.from([0x88, 0x02, code >> 8, code & 0xff]);
      await waitFor(() => bytes().includes(close), { ...PATIENCE, what: "the close frame" });
      socket.end();
    });
    assert.equal(line["protocol"], "ws-flv");
    assert.equal(line["code"], "PROTOCOL_VIOLATION");
  });

/** A WebSocket that plays the healthy stream. */
async function webSocket() {
  const { socket } = speak(
    stage.origin.addresses.http,
    Buffer.from(`GET /live/healthy.flv HTTP/1.1\r\n${UPGRADE}\r\n`),
  );
  const parts: Buffer[] = [];
  socket.on("data", (data: Buffer) => parts.push(data));
  await waitFor(() => Buffer.concat(parts).includes("FLV"), {
    ...PATIENCE,
    what: "media over the WebSocket",
  });
  return { socket, bytes: () => Buffer.concat(parts) };
}

test("thousands of requests behind one another on a connection cost one session, and end with it", async () => {
  const flv = await startFlv();
  flv.gates.onPlay = () => new Promise(() => undefined);
  flv.gates.onPublish = () => new Promise(() => undefined);
  const request = "GET /live/a.flv HTTP/1.1\r\nHost: x\r\n\r\n";
  const socket = flv.dial();
  socket.write(request.repeat(5_000));
  const late = flv.dial();
  late.write(request);
  await waitFor(() => flv.gates.plays.length === 2, {
    ...PATIENCE,
    what: "the play of the other connection",
  });
  socket.destroy();
  await waitFor(() => flv.lines.some(({ msg }) => msg === "session ended"), {
    ...PATIENCE,
    what: "the line",
  });
  assert.equal(flv.gates.plays.length, 2);
  assert.equal(flv.lines.filter(({ msg }) => msg === "session ended").length, 1);
  await flv.stop();
});

test("one request after the other on a connection is each answered", async () => {
  const said = speak(stage.origin.addresses.http, Buffer.alloc(0));
  for (let count = 1; count <= 3; count++) {
    said.socket.write("GET /live/nobody.flv HTTP/1.1\r\nHost: x\r\n\r\n");
    await waitFor(() => said.answer().split("404 Not Found").length - 1 === count, {
      ...PATIENCE,
      what: "a 404",
    });
  }
  said.socket.destroy();
});
