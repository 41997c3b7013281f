import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { flvHeader, flvTag } from "../support/flv-file.ts";
import { speak, UPGRADE } from "../support/hostile-requests.ts";
import { HostileStage, mediaOf } from "../support/hostile-stage.ts";
import { webSocketFrame } from "../support/noise.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { waitFor } from "../support/wait.ts";
import type { WireClient } from "../support/wire-client.ts";
import { media, settled } from "../support/wire-session.ts";

const PATIENCE = { within: 20_000 };
/** In every picture that must not get through. */
const MARK = Buffer.from("not for players");
const injected = Buffer.concat([videoFrame({ key: true, number: 99 }), MARK]);
const picture = (number: number, key = false) =>
  media(MESSAGE.video, videoFrame({ number, key }), number * 40);

let stage: HostileStage;
let strict: HostileStage;
before(async () => {
  stage = await HostileStage.open({ publish: { takeoverPauseMin: "0s", takeoverPauseMax: "0s" } });
  strict = await HostileStage.open({ publish: { onDuplicate: "reject" } });
});
after(() => Promise.all([stage.close(), strict.close()]));

/** Send pictures, whatever is answered, until the other end is gone. Returns how many. */
async function persist(client: WireClient): Promise<number> {
  let sent = 0;
  const timer = setInterval(() => {
    client.send(media(MESSAGE.video, injected, (sent += 1)));
  }, 5);
  try {
    await waitFor(() => !client.writable, { ...PATIENCE, what: "the end of a stubborn client" });
  } finally {
    clearInterval(timer);
  }
  return sent;
}

for (const state of ["before connect", "after connect", "while it plays"] as const)
  test(`media from a client ${state} ends it, and reaches nobody`, async () => {
    const line = await stage.oneEnd(async () => {
      const client =
        state === "before connect"
          ? await stage.dial({ stubborn: true })
          : await stage.connected({ stubborn: true });
      if (state === "while it plays") {
        client.tell(1, "play", null, "healthy");
        await client.status("NetStream.Play.Start");
      }
      assert.ok((await persist(client)) < 1_000);
    });
    assert.equal(line["code"], "PROTOCOL_VIOLATION");
    assert.equal(stage.saw(MARK), false);
  });

test("a refused publisher that goes on sending is reset, and nothing of it gets through", async () => {
  const line = await strict.oneEnd(async () => {
    const client = await strict.connected({ stubborn: true });
    client.tell(1, "publish", null, "healthy", "live");
    const asked = performance.now();
    await persist(client);
    assert.ok(performance.now() - asked < 5_000);
    const { info } = await client.status("NetStream.Publish.BadName");
    assert.equal(info["level"], "error");
    assert.equal(client.ended?.how, "reset");
  });
  assert.equal(line["code"], "STREAM_NAME_TAKEN");
  assert.equal(strict.saw(MARK), false);
});

test("a refused player that goes on sending is gone, and nothing of it gets through", async () => {
  const line = await stage.oneEnd(async () => {
    const client = await stage.connected({ stubborn: true });
    client.tell(1, "play", null, "nobody");
    await client.status("NetStream.Play.StreamNotFound");
    await persist(client);
  });
  assert.equal(line["code"], "STREAM_NOT_FOUND");
});

/** A stream with its publisher and a player. */
async function show(name: string) {
  const publisher = await stage.publishing(name, { stubborn: true });
  publisher.send(media(MESSAGE.video, videoHeader()));
  publisher.send(picture(0, true));
  await settled(publisher);
  const player = await stage.playing(name);
  await waitFor(() => mediaOf(player).length >= 2, { ...PATIENCE, what: "the first picture" });
  return { publisher, player };
}

const hasMark = (player: WireClient) => mediaOf(player).some(({ payload }) => payload.includes(MARK));

test("a replaced publisher that goes on sending is reset; players get the new one's media only", async () => {
  const { publisher: old, player } = await show("replaced");
  const next = await stage.publishing("replaced");
  const gone = persist(old);
  next.send(media(MESSAGE.video, videoHeader()));
  next.send(picture(7, true));
  await waitFor(() => mediaOf(player).some(({ payload }) => payload.equals(picture(7, true).payload)), {
    ...PATIENCE,
    what: "the new publisher's picture",
  });
  await gone;
  assert.equal(old.ended?.how, "reset");
  assert.equal(hasMark(player), false);
  assert.equal(player.ended, undefined);
  await stage.undisturbed();
  await stage.leave(next, player);
});

test("a publisher that closed its stream and goes on sending reaches nobody, and may publish again", async () => {
  const { publisher, player } = await show("closed");
  publisher.tell(0, "deleteStream", null, 1);
  await publisher.status("NetStream.Unpublish.Success");
  publisher.send(media(MESSAGE.video, injected, 80));
  await settled(publisher);
  await player.end();
  assert.equal(hasMark(player), false);
  publisher.tell(1, "publish", null, "closed", "live");
  await waitFor(
    () =>
      publisher
        .commands()
        .filter(
          ({ name, args }) =>
            name === "onStatus" && (args[1] as { code: string }).code === "NetStream.Publish.Start",
        ).length === 2,
    PATIENCE,
  );
  await stage.leave(publisher);
});

const head = (name: string) =>
  Buffer.from(`POST /live/${name}.flv HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n`);
const tag = (body: Buffer) => flvTag({ type: 9, timestamp: 0, body });

/** A POST that goes on whatever is answered. Resolves when the connection is gone. */
async function postOn(address: string, name: string, ...first: readonly Buffer[]): Promise<string> {
  const { socket, answer } = speak(address, Buffer.concat([head(name), flvHeader(), ...first]), {
    stubborn: true,
  });
  const timer = setInterval(() => socket.writable && socket.write(tag(injected)), 5);
  await waitFor(() => socket.destroyed, { ...PATIENCE, what: "the end of a stubborn POST" });
  clearInterval(timer);
  return answer();
}

test("a refused POST that goes on sending is answered, cut, and nothing of it gets through", async () => {
  const line = await strict.oneEnd(async () => {
    assert.match(
      await postOn(strict.origin.addresses.http, "healthy"),
      /^HTTP\/1\.1 409 .*STREAM_NAME_TAKEN/s,
    );
  });
  assert.deepEqual([line["code"], line["protocol"]], ["STREAM_NAME_TAKEN", "http-flv"]);
  assert.equal(strict.saw(MARK), false);
});

test("a replaced POST that goes on sending is cut, and what comes after does not get through", async () => {
  const gone = postOn(
    stage.origin.addresses.http,
    "posted",
    tag(videoHeader()),
    tag(picture(0, true).payload),
  );
  await waitFor(() => stage.origin.streams().some(({ stream }) => stream === "live/posted"), PATIENCE);
  const next = await stage.publishing("posted");
  next.send(media(MESSAGE.video, videoHeader()));
  next.send(picture(7, true));
  await gone;
  await settled(next);
  // Only what came before the replacement may carry the mark: a player that joins now begins with the new one.
  const player = await stage.playing("posted");
  await waitFor(() => mediaOf(player).length >= 2, PATIENCE);
  assert.equal(hasMark(player), false);
  await stage.undisturbed();
  await stage.leave(next, player);
});

const kick = (stream: string) =>
  fetch(`http://${stage.origin.addresses.api}/api/fleet/v1/kick?stream=live/${stream}`, { method: "POST" });

test("a kicked publisher that goes on sending is reset, and nothing of it gets through", async () => {
  const { publisher, player } = await show("kicked");
  assert.equal((await kick("kicked")).status, 202);
  await persist(publisher);
  assert.equal((await publisher.status("NetStream.Publish.Denied")).info["level"], "error");
  assert.equal(publisher.ended?.how, "reset");
  await player.end();
  assert.equal(hasMark(player), false);
  await waitFor(
    () =>
      ["publisher", "player"].every((role) =>
        stage.ends().some((line) => line["stream"] === "live/kicked" && line["role"] === role),
      ),
    PATIENCE,
  );
  const lines = stage
    .ends()
    .filter((line) => line["stream"] === "live/kicked" && line["role"] === "publisher");
  assert.deepEqual(
    lines.map((line) => line["code"]),
    ["KICKED"],
  );
});

test("a kicked POST that goes on sending is reset", async () => {
  const line = await stage.oneEnd(async () => {
    const gone = postOn(
      stage.origin.addresses.http,
      "kicked-post",
      tag(videoHeader()),
      tag(picture(0, true).payload),
    );
    await waitFor(() => stage.origin.streams().some(({ stream }) => stream === "live/kicked-post"), PATIENCE);
    assert.equal((await kick("kicked-post")).status, 202);
    await gone;
  });
  assert.deepEqual([line["code"], line["protocol"]], ["KICKED", "http-flv"]);
});

test("a WebSocket player cannot send media: what it says is counted, and reaches nobody", async () => {
  const line = await stage.oneEnd(async () => {
    const { socket } = speak(
      stage.origin.addresses.http,
      Buffer.from(`GET /live/healthy.flv HTTP/1.1\r\n${UPGRADE}\r\n`),
      { stubborn: true },
    );
    const frame = webSocketFrame(2, Buffer.concat([flvHeader(), MARK]));
    const timer = setInterval(
      () => socket.writable && socket.write(Buffer.concat(Array.from({ length: 20 }, () => frame))),
      5,
    );
    await waitFor(() => socket.destroyed, { ...PATIENCE, what: "the end of a loud player" });
    clearInterval(timer);
  });
  assert.deepEqual([line["code"], line["protocol"]], ["LIMIT_EXCEEDED", "ws-flv"]);
  assert.equal(stage.saw(MARK), false);
});
