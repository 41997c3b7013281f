import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import { differences } from "../support/packet-compare.ts";
import type { Player } from "../support/player.ts";
import { PLAYERS, playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { AWAY, HOME, Stage } from "./stage.ts";
import { describeSuccession } from "./succession.ts";
import type { SuccessionRow } from "./succession.ts";

const { ffmpeg, curl, wire } = PUBLISHERS;
const SOME = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "decoder", "curl", "wire");

const ROWS: readonly SuccessionRow[] = [
  { first: ffmpeg, second: ffmpeg, where: AWAY, while: "gone", players: playerKinds() },
  { first: curl, second: wire, where: HOME, while: "gone", players: SOME },
];

describe("an encoder that comes back within the hold", () => {
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());
  for (const row of ROWS) describeSuccession(stage, row);
});

describe("a player that comes while the encoder is gone", () => {
  const stage = new Stage();
  const players: Player[] = [];
  const recipe = { video: "h264", audio: "aac" } as const;
  before(async () => {
    await stage.open();
    const publisher = await stage.publish(wire, "live/gone", recipe);
    // Without a player the stream would be held all the same; with one, it shows that it is.
    players.push(PLAYERS.wire.play(stage.home.at, "live/gone"));
    await waitFor(() => players[0]?.progress !== undefined, { what: "media" });
    await publisher.die();
    await waitFor(async () => !(await stage.fleet.ownerOf("live/gone")), {
      what: "the record being released",
    });
  });
  after(async () => {
    await Promise.all(players.map((player) => player.stop()));
    await stage.close();
  });

  test("is refused at another origin", async () => {
    const elsewhere = PLAYERS.wire.play(stage.away.at, "live/gone");
    players.push(elsewhere);
    assert.match((await elsewhere.exit).said, /StreamNotFound/);
  });
  test("waits at the same origin, and plays when the encoder is back", async () => {
    const late = PLAYERS.wire.play(stage.home.at, "live/gone");
    players.push(late);
    const second = await stage.publish(curl, "live/gone", { ...recipe, take: 2 }, stage.away);
    await waitFor(() => second.position > 1_000, { what: "media of the second encoder" });
    await second.finish(500);
    assert.equal((await late.exit).code, 0);
    assert.deepEqual(
      differences([second.sent()], late.units() ?? [], { order: "exact", complete: true }),
      [],
    );
  });
});

describe("an encoder that does not come back", () => {
  const HOLD_MS = 2_000;
  const stage = new Stage();
  let audience: Audience | undefined;
  let held = 0;
  before(async () => {
    await stage.open({ config: { continuity: { hold: `${HOLD_MS}ms` } } });
    const publisher = await stage.publish(ffmpeg, "live/lost", { video: "h264", audio: "aac" });
    audience = new Audience(playerKinds(), stage.places);
    audience.start("live/lost");
    await audience.settled();
    const began = performance.now();
    await publisher.die();
    const first = audience.seats.find(({ kind }) => kind === wirePlayer());
    await waitFor(() => first?.player.running === false, { what: "the end of the hold" });
    held = performance.now() - began;
    await audience.dispersed();
  });
  after(async () => {
    await audience?.stop();
    await stage.close();
  });

  test("players are kept for the hold", () => {
    assert.ok(held > HOLD_MS * 0.9, `the first one was let go after ${Math.round(held)} ms`);
  });
  for (const place of [HOME, AWAY])
    for (const kind of playerKinds())
      test(
        `${kind.name} ${place} is told the end when the hold is over`,
        { skip: missing(kind) },
        async () => {
          const seat = audience?.seatOf(kind, place);
          await seat?.progressed();
          await seat?.endsInOrder();
        },
      );

  function wirePlayer() {
    return playerKinds("wire")[0];
  }
});
