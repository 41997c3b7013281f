import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { writeMessage } from "../../src/media/rtmp/chunk-writer.ts";
import { connectionCommand, streamCommand } from "../../src/media/rtmp/commands.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { MediaChannels } from "../../src/media/channels.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { openGates } from "../support/fake-gates.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { media, settled, userControl } from "../support/wire-session.ts";

const ROUNDS = 150;
const CHUNK = 128;
let rtmp: Awaited<ReturnType<typeof startRtmp>>;

before(async () => {
  rtmp = await startRtmp({}, (config, log) =>
    openGates(new MediaChannels({ clock: systemClock, config, log })),
  );
});
after(() => rtmp.stop());

/** mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A session as an encoder sends it, or a player, after the handshake. */
function sessionBytes(publishes: boolean): Buffer {
  const name = publishes ? "publish" : "play";
  const picture = Buffer.from("1700000000014d401fffe1000867", "hex");
  const messages = [
    connectionCommand("connect", 1, { app: "live", tcUrl: "rtmp://h/live", fourCcList: ["hvc1"], capsEx: 7 }),
    connectionCommand("createStream", 2, null),
    streamCommand(1, name, 3, null, "cam?a=b", "live"),
    userControl(6, 77),
    ...(publishes
      ? [
          media(MESSAGE.data, encodeAmf0("@setDataFrame", "onMetaData", { width: 1, list: [1, "a", null] })),
          media(MESSAGE.video, picture),
          media(MESSAGE.audio, Buffer.from("af001210", "hex"), 5),
          media(MESSAGE.video, Buffer.alloc(700, 0x27), 40),
          media(MESSAGE.aggregate, Buffer.from("0800000400000100000000af001210", "hex"), 80),
        ]
      : [streamCommand(1, "pause", 4, null, true, 1), streamCommand(1, "seek", 5, null, 1)]),
    connectionCommand("deleteStream", 6, null, 1),
  ];
  return Buffer.concat(messages.map((message) => writeMessage(message, CHUNK)));
}

test("no change to the bytes of a session reaches beyond its connection", async (t) => {
  const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const pick = (below: number) => Math.floor(random() * below);
  const [host, port] = rtmp.address.split(":") as [string, string];
  const handshake = Buffer.concat([Buffer.from([3]), Buffer.alloc(2 * 1_536)]);
  const bystander = await WireClient.open(rtmp.address);
  await bystander.connectTo("live");
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = Buffer.concat([handshake, sessionBytes(round % 3 !== 0)]);
    for (let flips = 1 + pick(5); flips > 0; flips--)
      bytes[
        random() < 0.05 ? pick(handshake.length) : handshake.length + pick(bytes.length - handshake.length)
      ] = pick(256);
    const socket = connect({ host, port: Number(port) });
    socket.on("error", () => undefined).resume();
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + pick(2_000);
      socket.write(bytes.subarray(at, end));
      at = end;
    }
    socket.end();
    await new Promise((resolve) => socket.once("close", resolve));
  }
  await settled(bystander);
  bystander.close();
  await waitFor(() => rtmp.server.sessionCount === 0, { what: "the end of all sessions" });
  const failures = rtmp.lines.filter(({ msg }) => msg === "session failed");
  assert.deepEqual(failures, []);
  assert.equal(rtmp.ends().length, ROUNDS + 1);
  // Most of them got far enough to be worth the trouble.
  assert.ok(rtmp.gates.publishes.length + rtmp.gates.plays.length > ROUNDS / 4);
});
