import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import type { AmfObject, AmfValue } from "../../src/media/rtmp/amf0.ts";
import { connectionCommand, type RtmpCommand } from "../../src/media/rtmp/commands.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { connected, settled } from "../support/wire-session.ts";

let rtmp: Awaited<ReturnType<typeof startRtmp>>;

before(async () => {
  rtmp = await startRtmp({ rtmp: { chunkSize: 20_000, windowAckSize: "1MB" } });
});
after(() => rtmp.stop());

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
const succeeded = ({ name, args }: RtmpCommand) =>
  name === "_result" && (args[1] as AmfObject)["code"] === "NetConnection.Connect.Success";

/** The key that a play asks for after this connect, or why it was refused. */
async function keyAfter(connect: readonly AmfValue[], name: string): Promise<string> {
  const client = await WireClient.open(rtmp.address);
  client.send(connectionCommand("connect", 1, ...connect));
  await waitFor(() => client.commands().some(succeeded));
  let key = "";
  rtmp.gates.onPlay = (request) => {
    key = request.key;
    throw new HoldfastError("STREAM_NOT_FOUND");
  };
  client.tell(1, "play", null, name);
  await client.end();
  return key;
}

test("connect is answered by window, bandwidth, chunk size and result, in this order", async () => {
  const client = await connected(rtmp);
  assert.deepEqual(
    client.arrivals.map(({ message }) => [message.type, message.streamId]),
    // The chunk size took effect in the reader, which keeps it to itself.
    [
      [MESSAGE.windowAckSize, 0],
      [MESSAGE.setPeerBandwidth, 0],
      [MESSAGE.command, 0],
    ],
  );
  assert.deepEqual(client.arrivals[0]?.message.payload, Buffer.from("00100000", "hex"));
  assert.deepEqual(client.arrivals[1]?.message.payload, Buffer.from("0010000002", "hex"));
  client.close();
});

test("a connect without an object, with an odd app, or with a tcUrl alone, is accepted", async () => {
  assert.equal(await keyAfter([], "live/cam"), "live/cam");
  assert.equal(await keyAfter([null], "live/cam"), "live/cam");
  assert.equal(await keyAfter([{ app: 7, tcUrl: [1] }], "live/cam"), "live/cam");
  assert.equal(await keyAfter([{ tcUrl: "rtmp://h:1935/a/b?x=1" }], "cam"), "a/b/cam");
  assert.equal(await keyAfter([{ app: "live/", flashVer: "x".repeat(500) }], "cam"), "live/cam");
  assert.equal(rtmp.gates.plays.at(-1)?.client.agent.length, 128);
});

test("a connect in the AMF3 wrapper is answered in AMF0", async () => {
  const client = await WireClient.open(rtmp.address);
  const payload = Buffer.concat([
    Buffer.from([0]),
    encodeAmf0("connect", 1, { app: "live", objectEncoding: 3 }),
  ]);
  client.send({ type: MESSAGE.commandAmf3, streamId: 0, chunkStreamId: 3, timestamp: 0, payload });
  const answer = await waitFor(() => client.commands().find(succeeded));
  assert.equal((answer.args[1] as AmfObject)["objectEncoding"], 0);
  assert.equal(client.arrivals.at(-1)?.message.type, MESSAGE.command);
  client.close();
});

test("connecting twice changes nothing", async () => {
  const client = await connected(rtmp);
  const again = await client.call("connect", { app: "other" });
  assert.equal(again.name, "_error");
  assert.equal((again.args[1] as AmfObject)["description"], "connect came twice");
  await settled(client);
  client.close();
});

const CALLS: readonly (readonly [call: string, args: readonly AmfValue[], name: string, values: unknown])[] =
  [
    ["createStream", [null], "_result", [null, 1]],
    ["createStream", [null], "_result", [null, 1]],
    ["releaseStream", [null, "cam"], "_result", [null]],
    ["FCPublish", [null, "cam"], "_result", [null]],
    ["FCUnpublish", [null, "cam"], "_result", [null]],
    ["FCSubscribe", [null, "cam"], "_result", [null]],
    ["_checkbw", [null], "_result", [null]],
    ["getStreamLength", [null, "cam"], "_result", [null, 0]],
    ["deleteStream", [null, 1], "_result", [null]],
    [
      "constructor",
      [null],
      "_error",
      [
        null,
        {
          level: "error",
          code: "NetConnection.Call.Failed",
          description: '"constructor" is not known here',
        },
      ],
    ],
  ];

test("every call with a transaction is answered", async () => {
  const client = await connected(rtmp);
  for (const [call, args, name, values] of CALLS) {
    const answer = await client.call(call, ...args);
    assert.equal(answer.name, name, call);
    assert.deepEqual(plain(answer.args), values, call);
  }
  const told = client.commands().map((command) => command.name);
  assert.ok(told.includes("onFCUnpublish") && told.includes("onFCSubscribe"));
  client.close();
});

test("a call without a transaction, and an answer to nothing, are not answered", async () => {
  const client = await connected(rtmp);
  const before = client.arrivals.length;
  client.send(connectionCommand("whatever", 0, null));
  client.send(connectionCommand("_result", 9, null));
  client.send(connectionCommand("_error", 10, null, { description: "x" }));
  client.send(connectionCommand("pause", 0, null, true));
  await settled(client);
  assert.equal(client.arrivals.length, before + 1);
  client.close();
});
