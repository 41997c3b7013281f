import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { StreamKey } from "../../src/domain/stream-key.ts";
import type { Publication, PublicationEnd } from "../../src/fleet/gates.ts";
import { MediaChannels } from "../../src/media/channels.ts";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { openGates, ScriptedPublication } from "../support/fake-gates.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { startRtmp, type TestRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import type { WireClient } from "../support/wire-client.ts";
import { audio, connected, endWith, media, settled } from "../support/wire-session.ts";

const STARTED = "NetStream.Publish.Start";
let rtmp: Awaited<ReturnType<typeof startRtmp>>;
let publications: ScriptedPublication[] = [];

before(async () => {
  rtmp = await startRtmp();
});
after(() => rtmp.stop());
beforeEach(() => {
  publications = [];
  rtmp.gates.onPublish = ({ key }) => accept(key);
  rtmp.gates.publishes.length = 0;
});

function accept(key: StreamKey): Publication {
  const publication = new ScriptedPublication(key);
  publications.push(publication);
  return publication;
}

async function publishing(name = "cam"): Promise<{ client: WireClient; publication: ScriptedPublication }> {
  const client = await connected(rtmp);
  client.tell(1, "publish", null, name, "live");
  await client.status(STARTED);
  return { client, publication: publications.at(-1) as ScriptedPublication };
}

const endOf = (client: WireClient) => client.end(5_000);

test("an accepted publisher gets Publish.Start on its stream, and what it sends goes to the source", async () => {
  const { client, publication } = await publishing("cam?token=secret&ticket=t");
  const { message, info } = await client.status(STARTED);
  assert.equal(message.streamId, 1);
  assert.equal(info["level"], "status");
  assert.ok(info["description"]);
  const [request] = rtmp.gates.publishes;
  assert.equal(request?.key, "live/cam");
  assert.equal(request?.query, "token=secret&ticket=t");
  const { id, ...known } = request?.client ?? {};
  assert.match(id ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(known, { protocol: "rtmp", address: "127.0.0.1", agent: "test", srs: false });

  const big = Buffer.alloc(300_000, 7);
  client.send(media(MESSAGE.data, encodeAmf0("@setDataFrame", "onMetaData", { width: 1 })));
  client.send(media(MESSAGE.data, encodeAmf0("|RtmpSampleAccess", true, true)));
  client.send(media(MESSAGE.video, big, 0xffff_fff0));
  client.send(media(MESSAGE.audio, Buffer.from("a"), 40));
  await settled(client);
  assert.deepEqual(publication.packets, [
    { type: "data", timestamp: 0, payload: encodeAmf0("onMetaData", { width: 1 }) },
    { type: "video", timestamp: 0xffff_fff0, payload: big },
    { type: "audio", timestamp: 40, payload: Buffer.from("a") },
  ]);
  client.close();
  const { role, stream } = await endWith(rtmp, "CLIENT_LEFT");
  assert.deepEqual([role, stream], ["publisher", "live/cam"]);
  assert.deepEqual(publication.ends, ["disconnected"]);
  assert.ok(!JSON.stringify(rtmp.lines).includes("secret"));
});

test("FCPublish is answered when the publish is, by onFCPublish", async () => {
  const client = await connected(rtmp);
  await client.call("releaseStream", null, "cam");
  await client.call("FCPublish", null, "cam");
  assert.ok(!client.commands().some(({ name }) => name === "onFCPublish"));
  client.tell(1, "publish", null, "cam", "live");
  await client.status(STARTED);
  assert.ok(client.commands().some(({ name }) => name === "onFCPublish"));
  client.close();
});

const REFUSALS = [
  [new HoldfastError("STREAM_NAME_TAKEN"), "NetStream.Publish.BadName"],
  [new HoldfastError("STREAM_INGESTED"), "NetStream.Publish.BadName"],
  [new HoldfastError("ORIGIN_DRAINING"), "NetStream.Publish.Denied"],
  [new HoldfastError("REGISTRY_UNAVAILABLE"), "NetStream.Publish.Denied"],
] as const;

for (const [error, code] of REFUSALS)
  test(`a publish refused with ${error.code} gets ${code} as an error, then the reset`, async () => {
    rtmp.gates.onPublish = () => Promise.reject(error);
    const client = await connected(rtmp);
    client.tell(1, "publish", null, "cam", "live");
    const { message, at } = await client.status();
    assert.equal(message.streamId, 1);
    const { level, description } = { level: "error", description: error.entry.text };
    assert.deepEqual(
      message.payload,
      encodeAmf0("onStatus", 0, null, { level, code, description, details: error.code }),
    );
    // Whatever it still sends goes nowhere.
    for (let count = 0; count < 20; count++) client.send(audio("late"));
    const end = await endOf(client);
    assert.equal(end.how, "reset");
    assert.ok(end.at - at < 1_000, `closed ${end.at - at} ms later`);
    assert.equal(client.commands().filter(({ name }) => name === "onStatus").length, 1);
    assert.equal((await endWith(rtmp, error.code))["reason"], error.message);
  });

test("a publish without a name, and one with a bad name, are BadName", async () => {
  for (const name of [undefined, 7, "", "a%0Ab"]) {
    const client = await connected(rtmp);
    client.tell(1, "publish", null, name, "live");
    assert.equal((await client.status()).info["code"], "NetStream.Publish.BadName");
    assert.equal((await endOf(client)).how, "reset");
  }
  assert.equal(rtmp.gates.publishes.length, 0);
});

test("a publisher whose stream is taken over is told and reset, and nothing passes after that", async () => {
  for (const kick of ["revoke", "replace"] as const) {
    const { client, publication } = await publishing();
    client.send(audio("before"));
    await settled(client);
    if (kick === "revoke") publication.revoke(new HoldfastError("STREAM_TAKEN_OVER"));
    else publication.replace();
    client.send(audio("after"));
    const { info, at } = await client.status("NetStream.Publish.BadName");
    assert.equal(info["level"], "error");
    const end = await endOf(client);
    assert.equal(end.how, "reset");
    assert.ok(end.at - at < 1_000);
    assert.deepEqual(
      publication.packets.map(({ payload }) => String(payload)),
      ["before"],
    );
    assert.equal((await endWith(rtmp, "STREAM_TAKEN_OVER"))["stream"], "live/cam");
  }
});

for (const how of ["FCUnpublish", "deleteStream", "closeStream"])
  test(`${how} ends the stream in order, and the connection may publish again`, async () => {
    const { client, publication } = await publishing();
    if (how === "FCUnpublish") client.tell(0, how, null, "cam");
    else client.tell(0, how, null, 1);
    await client.status("NetStream.Unpublish.Success");
    assert.deepEqual(publication.ends, ["unpublished"]);
    // What the encoder still had on the way is dropped without a word.
    client.send(audio("straggler"));
    client.tell(1, "publish", null, "other", "live");
    await waitFor(() => publications.length === 2);
    await settled(client);
    client.send(audio("more"));
    await settled(client);
    assert.equal(publication.packets.length, 0);
    assert.equal(publications[1]?.key, "live/other");
    assert.equal(publications[1]?.packets.length, 1);
    client.close();
  });

test("FCUnpublish of another name changes nothing", async () => {
  const { client, publication } = await publishing();
  await client.call("FCUnpublish", null, "other");
  client.send(audio("on"));
  await settled(client);
  assert.deepEqual(publication.ends, []);
  assert.equal(publication.packets.length, 1);
  client.close();
});

test("a second publish frees the first name; of the same name it is confirmed", async () => {
  const { client, publication } = await publishing();
  client.tell(1, "publish", null, "cam", "live");
  await settled(client);
  assert.equal(publications.length, 1);
  client.tell(1, "publish", null, "other", "live");
  await waitFor(() => publications.length === 2);
  assert.deepEqual(publication.ends, ["unpublished"]);
  const starts = client.commands().filter(({ name }) => name === "onStatus");
  assert.ok(starts.length >= 2);
  client.close();
  await waitFor(() => publications[1]?.ends.length === 1);
});

/** Gates on real channels, which keep how publications end. */
async function startReal() {
  const ends: PublicationEnd[] = [];
  const real = await startRtmp({}, (config, log) => {
    const gates = openGates(new MediaChannels({ clock: systemClock, config, log }));
    const { onPublish } = gates;
    gates.onPublish = async (request) => {
      const publication = await onPublish(request);
      const end = (how: PublicationEnd): void => {
        ends.push(how);
        publication.end(how);
      };
      return { ...publication, end };
    };
    return gates;
  });
  return { real, ends };
}

async function publishTo(real: TestRtmp): Promise<WireClient> {
  const client = await connected(real);
  client.tell(1, "publish", null, "cam", "live");
  await client.status(STARTED);
  return client;
}

const videoOf = (player: WireClient) =>
  player.arrivals
    .filter(({ message }) => message.type === MESSAGE.video)
    .map(({ message }) => message.payload);

for (const how of ["RST", "FIN"] as const)
  test(`a publisher that leaves in the middle of a message, by ${how}, leaves no part of it behind`, async () => {
    const { real, ends } = await startReal();
    const picture = (number: number) => videoFrame({ key: true, number, bytes: 20_000 });
    const leaving = await publishTo(real);
    leaving.send(media(MESSAGE.video, videoHeader()));
    leaving.send(media(MESSAGE.video, picture(1), 40));
    await settled(leaving);
    const player = await connected(real);
    player.tell(1, "play", null, "cam");
    await waitFor(() => videoOf(player).length === 2, { what: "the first picture" });

    const [first, second, third] = leaving.chunksOf(media(MESSAGE.video, picture(2), 80));
    leaving.sendBytes(Buffer.concat([first as Buffer, second as Buffer]));
    // A command between two chunks: when it is answered, the half has been taken.
    await settled(leaving);
    leaving.sendBytes((third as Buffer).subarray(0, 1_000));
    if (how === "RST") leaving.reset();
    else leaving.leave();
    await waitFor(() => ends.length > 0, { what: "the end of the publication" });
    await waitFor(() => real.ends().length > 0, { what: "the line of the session" });

    const next = await publishTo(real);
    next.send(media(MESSAGE.video, videoHeader()));
    next.send(media(MESSAGE.video, picture(3), 0));
    await waitFor(() => videoOf(player).some((payload) => payload.equals(picture(3))), {
      what: "the next publisher's picture",
    });
    const whole = [videoHeader(), picture(1), picture(3)];
    for (const payload of videoOf(player)) assert.ok(whole.some((one) => one.equals(payload)));
    assert.deepEqual(ends, ["disconnected"]);
    assert.deepEqual(
      real.ends().map(({ code, role, stream }) => [code, role, stream]),
      [["CLIENT_LEFT", "publisher", "live/cam"]],
    );
    assert.deepEqual(
      real.lines.filter(({ level }) => Number(level) >= 40),
      [],
    );
    next.close();
    player.close();
    await real.stop();
  });
