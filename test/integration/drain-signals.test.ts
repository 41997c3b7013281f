import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import type { AmfObject } from "../../src/media/rtmp/amf0.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { sampleFlv, sampleStream } from "../support/sample-stream.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";

const RECONNECT = "NetConnection.Connect.ReconnectRequest";
const DRAIN = { settle: "0s", encoderGrace: "1500ms", deadline: "20s" } as const;

let fleet: TestFleet;
let home: TestOrigin;
let other: TestOrigin;
const clients: WireClient[] = [];

before(async () => {
  fleet = await startFleet({ config: { drain: DRAIN, advertise: { rtmp: "{name}.example:1935" } } });
  [home, other] = fleet.origins as [TestOrigin, TestOrigin];
});
after(async () => {
  for (const client of clients) client.close();
  await fleet?.stop();
});

/** An encoder that says `offer` when it connects, and feeds its stream with one packet. */
async function encoder(name: string, offer: AmfObject = {}, at = home): Promise<WireClient> {
  const client = await WireClient.open(at.at.rtmp);
  clients.push(client);
  await client.connectTo("live", { type: "nonprivate", ...offer });
  await client.call("createStream", null);
  client.tell(1, "publish", null, name, "live");
  await client.status("NetStream.Publish.Start");
  for (const { type, payload } of sampleStream({ duration: 40 }))
    if (type === "video")
      client.send({ type: MESSAGE.video, streamId: 1, chunkStreamId: 6, timestamp: 0, payload });
  return client;
}

const requests = (client: WireClient) =>
  client.commands().filter(({ args }) => (args[1] as AmfObject | undefined)?.["code"] === RECONNECT);
const goAways = (client: WireClient) =>
  client.arrivals.filter(({ message }) => message.type === MESSAGE.goAway).map(({ message }) => message);

/** A POST that publishes; resolves with the error that its connection ended with. */
function post(at: TestOrigin, name: string): { ended: Promise<string>; live: Promise<void> } {
  const [host, port] = at.at.http.split(":");
  const posted = request({ host, port, path: `/live/${name}.flv`, method: "POST" });
  const ended = new Promise<string>((resolve) => {
    posted.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    posted.on("response", (response) => resolve(`status ${response.statusCode}`));
  });
  posted.write(sampleFlv(sampleStream({ duration: 40 })));
  return { ended, live: fleet.owned(`live/${name}`, at).then(() => undefined) };
}

test("each encoder hears what it announced, and all are reset", async () => {
  const plain = await encoder("plain");
  const reconnects = await encoder("reconnects", { capsEx: 0x07, tcUrl: "rtmp://balancer.example/live" });
  const direct = await encoder("direct", { capsEx: 0x01, tcUrl: "rtmp://o1.example/live?key=1" });
  const capable = await encoder("capable", { capsEx: 0x0e });
  const obs = await encoder("obs", { supportsGoAway: true });
  const overHttp = post(home, "posted");
  await overHttp.live;
  const all = { plain, reconnects, direct, capable, obs };

  const drained = home.origin.drain();
  await waitFor(() => requests(reconnects).length > 0 && goAways(obs).length > 0, { what: "the signals" });
  assert.equal(plain.ended ?? reconnects.ended ?? obs.ended, undefined, "encoders have time to go");
  const late = performance.now();

  for (const [name, client] of Object.entries(all)) {
    const { how, at } = await client.end(30_000);
    assert.equal(how, "reset", `${name}: OBS does not see a FIN`);
    assert.ok(at - late > 1_000, `${name} was reset ${at - late} ms after the signals`);
    const { info } = await client.status("NetStream.Publish.Denied");
    assert.match(String(info["description"]), /origin o1 is draining/);
  }
  assert.equal(await overHttp.ended, "ECONNRESET");
  assert.equal(await drained, "empty");

  assert.deepEqual(
    Object.values(all).map((client) => [requests(client).length, goAways(client).length]),
    [
      [0, 0],
      [1, 0],
      [1, 0],
      [0, 0],
      [0, 1],
    ],
  );
  assert.equal(goAways(obs)[0]?.payload.length, 0);
  const [balanced] = requests(reconnects);
  assert.deepEqual([balanced?.name, balanced?.transaction, balanced?.args[0]], ["onStatus", 0, null]);
  const info = balanced?.args[1] as AmfObject;
  assert.deepEqual([info["level"], info["tcUrl"]], ["status", undefined]);
  assert.equal(
    (requests(direct)[0]?.args[1] as AmfObject)["tcUrl"],
    "rtmp://o2.example:1935/live?key=1",
    "who dialled this origin by its own address must be told another one",
  );
  for (const name of [...Object.keys(all), "posted"])
    assert.equal(await fleet.ownerOf(`live/${name}`), undefined, name);
});

test("the server says in connect that it may ask to reconnect, to those who asked", async () => {
  const client = await WireClient.open(other.at.rtmp);
  clients.push(client);
  const { args } = await client.connectTo("live", { capsEx: 0x01 });
  assert.equal((args[0] as AmfObject)["capsEx"], 0x0f);
});

test("while it drains new publishes are refused in every protocol, with the reason", async () => {
  assert.equal((await fetch(`http://${home.at.http}/readyz`)).status, 503);
  const readiness = (await (await fetch(`http://${home.at.api}/readyz`)).json()) as {
    checks: { drain: { ok: boolean; detail: string } };
  };
  assert.equal(readiness.checks.drain.ok, false);
  assert.match(readiness.checks.drain.detail, /draining: no new streams/);
  const client = await WireClient.open(home.at.rtmp);
  clients.push(client);
  await client.connectTo("live");
  await client.call("createStream", null);
  client.tell(1, "publish", null, "late", "live");
  const { info } = await client.status("NetStream.Publish.Denied");
  assert.deepEqual([info["level"], info["details"]], ["error", "ORIGIN_DRAINING"]);
  assert.match(String(info["description"]), /connect again to reach another one/);
  assert.equal((await client.end()).how, "reset");
  const posted = await fetch(`http://${home.at.http}/live/late.flv`, { method: "POST", body: "FLV" });
  assert.equal(posted.status, 503);
  assert.equal(((await posted.json()) as { code: string }).code, "ORIGIN_DRAINING");
});

test("an encoder that was asked and leaves in order does not end its stream", async () => {
  const fleet2 = await startFleet({ origins: 2, config: { drain: { ...DRAIN, encoderGrace: "10s" } } });
  try {
    const [one, two] = fleet2.origins as [TestOrigin, TestOrigin];
    const watch = async (name: string) => {
      const player = await WireClient.open(one.at.rtmp);
      clients.push(player);
      await player.connectTo("live");
      await player.call("createStream", null);
      player.tell(1, "play", null, name);
      await player.status("NetStream.Play.Start");
      return player;
    };
    const asked = await encoder("asked", { supportsGoAway: true }, one);
    const unaware = await encoder("unaware", {}, one);
    const [stays, ends] = [await watch("asked"), await watch("unaware")];
    const drained = one.origin.drain();
    await waitFor(() => goAways(asked).length === 1, { what: "the signal" });
    for (const client of [asked, unaware]) client.tell(0, "deleteStream", null, 1);
    await ends.status("NetStream.Play.UnpublishNotify");
    await waitFor(async () => (await fleet2.ownerOf("live/asked")) === undefined, { what: "the release" });
    await encoder("asked", {}, two);
    await fleet2.owned("live/asked", two);
    await waitFor(() => one.origin.streams().some(({ state }) => state === "relayed"), {
      what: "the relay",
    });
    assert.equal(stays.ended, undefined);
    stays.close();
    assert.equal(await drained, "empty");
  } finally {
    await fleet2.stop();
  }
});
