import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { Audience } from "../support/audience.ts";
import { playerKinds } from "../support/players.ts";
import { missing } from "../support/run-program.ts";
import { WireClient } from "../support/wire-client.ts";
import { HOME, Stage } from "./stage.ts";

/** "Unknown is refused at once": by the issue, within a second. */
const AT_ONCE_MS = 1_000;

describe("a stream that nobody publishes", () => {
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());

  test("RTMP answers StreamNotFound on the play's message stream and closes, all within a second", async () => {
    const client = await WireClient.open(stage.home.at.rtmp);
    try {
      await client.connectTo("live");
      await client.call("createStream", null);
      const asked = performance.now();
      client.tell(1, "play", null, "nobody", -2000);
      const { info, message, at } = await client.status();
      const end = await client.end();
      assert.equal(info["code"], "NetStream.Play.StreamNotFound");
      assert.equal(info["level"], "error");
      assert.equal(typeof info["description"], "string");
      assert.equal(message.streamId, 1);
      assert.ok(at - asked < AT_ONCE_MS, `answered after ${Math.round(at - asked)} ms`);
      assert.ok(end.at - asked < AT_ONCE_MS, `closed after ${Math.round(end.at - asked)} ms`);
      const media: number[] = [MESSAGE.audio, MESSAGE.video, MESSAGE.data];
      assert.ok(!client.arrivals.some((arrival) => media.includes(arrival.message.type)));
    } finally {
      client.close();
    }
  });

  test("HTTP-FLV answers 404 with a problem description within a second", async () => {
    const asked = performance.now();
    const answer = await fetch(`http://${stage.home.at.http}/live/nobody.flv`);
    const problem = (await answer.json()) as Record<string, unknown>;
    const took = performance.now() - asked;
    assert.equal(answer.status, 404);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.equal(problem["code"], "STREAM_NOT_FOUND");
    assert.ok(took < AT_ONCE_MS, `answered after ${Math.round(took)} ms`);
  });

  describe("real clients", () => {
    let audience: Audience | undefined;
    before(() => {
      audience = new Audience(playerKinds(), [{ name: HOME, at: stage.home.at }]);
      audience.start("live/nobody");
    });
    after(() => audience?.stop());
    for (const kind of playerKinds())
      test(`${kind.name} gives up by itself`, { skip: missing(kind) }, () =>
        audience?.seatOf(kind, HOME).isRefused(),
      );
  });
});
