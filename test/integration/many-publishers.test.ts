import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { asTags } from "../support/start-flv.ts";
import { sampleStream } from "../support/sample-stream.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { WirePlayer } from "../support/wire-player.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const WAIT = { within: 60_000 };
/** More than the few that are read as they send. */
const MANY = 120;
const WINDOW = "holdfast_read_window_seconds";

async function metric({ at }: TestOrigin, name: string): Promise<number> {
  const text = await (await fetch(`http://${at.api}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")[1],
  );
}

describe("an origin with many publishers, which it reads in windows", () => {
  let fleet: TestFleet;
  let owner: TestOrigin;
  let other: TestOrigin;
  let publishers: WirePublisher[] = [];
  let players: WirePlayer[] = [];

  before(async () => {
    fleet = await startFleet({ config: { publish: { onDuplicate: "reject" } } });
    [owner, other] = fleet.origins as [TestOrigin, TestOrigin];
    const tags = asTags(sampleStream({ duration: 300_000 }));
    publishers = Array.from({ length: MANY }, (_, n) => new WirePublisher(owner.at.rtmp, `live/s${n}`, tags));
    await waitFor(async () => (await metric(owner, WINDOW)) > 0.03, WAIT);
  });
  after(async () => {
    await Promise.all([...players, ...publishers].map((one) => one.stop()));
    await fleet?.stop();
  });

  test("players get all of it, in order and with steady time, at the owner and through a relay", async () => {
    const [first] = publishers as [WirePublisher];
    players = [owner, other].map(({ at }) => new WirePlayer(at.rtmp, "live/s0"));
    await waitFor(() => players.every(({ progress = 0 }) => progress > 3_000), WAIT);
    const sent = first.sent().map(({ hash }) => hash);
    for (const player of players) {
      const got = player.units();
      const from = sent.indexOf(got[0]?.hash ?? "");
      assert.ok(from >= 0, "the first frame is one that was sent");
      assert.deepEqual(
        got.map(({ hash }) => hash),
        sent.slice(from, from + got.length),
      );
    }
  });

  test("an encoder that comes back at once is not refused for an end that was not read yet", async () => {
    for (const [number, { at }] of [owner, owner, owner, other].entries()) {
      const client = await WireClient.open(at.rtmp);
      await client.connectTo("live", { type: "nonprivate" });
      await client.call("createStream", null);
      const former = publishers[number + 1] as WirePublisher;
      const finished = former.die();
      client.tell(1, "publish", null, `s${number + 1}`, "live");
      const { info } = await client.status();
      assert.equal(info["code"], "NetStream.Publish.Start", String(info["description"]));
      await finished;
      client.close();
    }
  });

  test("who goes is seen to go, and the others get their time back", async () => {
    const dying = publishers.splice(1);
    await Promise.all(dying.slice(0, 60).map((one) => one.die()));
    await Promise.all(dying.slice(60).map((one) => one.finish(0)));
    await waitFor(async () => (await metric(owner, WINDOW)) === 0, WAIT);
    assert.equal(await metric(owner, 'holdfast_sessions{protocol="rtmp",role="publisher"}'), 1);
    const before = players.map(({ progress = 0 }) => progress);
    await waitFor(() => players.every(({ progress = 0 }, at) => progress > (before[at] ?? 0) + 1_000), WAIT);
  });
});
