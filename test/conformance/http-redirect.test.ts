import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { AWAY, SINCE_JOINED_MS, Stage } from "./stage.ts";

const H264_AAC = { video: "h264", audio: "aac" } as const;
const OVER_HTTP = playerKinds().filter(({ protocol }) => protocol.endsWith("flv"));

/** Ask for a stream, look at the answer's head, and hang up. */
async function ask(http: string, path: string): Promise<Response> {
  const hangUp = new AbortController();
  const answer = await fetch(`http://${http}${path}`, { redirect: "manual", signal: hangUp.signal });
  hangUp.abort();
  return answer;
}

describe("HTTP-FLV at another origin than the publisher's", () => {
  describe("when the owner advertises a public HTTP address", () => {
    const stage = new Stage();
    const stream = "live/advertised";
    let audience: Audience | undefined;
    let published: Published;

    before(async () => {
      await stage.open({ config: { advertise: { http: "127.0.0.1:0" } } });
      const publisher = await stage.publish(PUBLISHERS.wire, stream, H264_AAC);
      answers = {
        plain: await ask(stage.away.at.http, `/${stream}.flv`),
        withQuery: await ask(stage.away.at.http, `/${stream}.flv?token=a%2Fb&x=1`),
        redirected: await ask(stage.away.at.http, `/${stream}.flv?redirected=1`),
        atHome: await ask(stage.home.at.http, `/${stream}.flv`),
      };
      audience = new Audience(OVER_HTTP, [{ name: AWAY, at: stage.away.at }]);
      audience.start(stream);
      await audience.settled();
      await publisher.finish(SINCE_JOINED_MS);
      await audience.dispersed();
      published = await stage.published([{ publisher, kind: PUBLISHERS.wire, recipe: H264_AAC }]);
    });
    after(async () => {
      await audience?.stop();
      await stage.close();
    });
    let answers: Record<"plain" | "withQuery" | "redirected" | "atHome", Response>;

    test("a 302 leads to the owner, is not stored, and any web page may follow it", () => {
      const { status, headers } = answers.plain;
      assert.equal(status, 302);
      assert.equal(headers.get("location"), `http://${stage.home.at.http}/${stream}.flv?redirected=1`);
      assert.equal(headers.get("cache-control"), "no-store");
      assert.equal(headers.get("access-control-allow-origin"), "*");
    });
    test("the query goes along", () => {
      const location = answers.withQuery.headers.get("location") ?? "";
      assert.equal(location, `http://${stage.home.at.http}/${stream}.flv?token=a%2Fb&x=1&redirected=1`);
    });
    test("who was redirected once is not redirected again", () => {
      assert.equal(answers.redirected.status, 200);
      assert.equal(answers.redirected.headers.get("content-type"), "video/x-flv");
    });
    test("the owner serves", () => assert.equal(answers.atHome.status, 200));

    for (const kind of OVER_HTTP)
      test(
        `${kind.name} gets every frame since its first keyframe once and in order`,
        { skip: missing(kind) },
        async () => {
          const seat = audience?.seatOf(kind, AWAY);
          await seat?.progressed();
          await seat?.endsInOrder();
          await seat?.got(published);
        },
      );
  });

  describe("when the owner advertises none", () => {
    const stage = new Stage();
    before(() => stage.open());
    after(() => stage.close());

    test("it is served through a relay", async () => {
      await stage.publish(PUBLISHERS.wire, "live/unadvertised", H264_AAC);
      const { status, headers } = await ask(stage.away.at.http, "/live/unadvertised.flv");
      assert.equal(status, 200);
      assert.equal(headers.get("content-type"), "video/x-flv");
      assert.equal(headers.get("access-control-allow-origin"), "*");
    });
  });
});
