import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AWAY, HOME, Stage } from "../conformance/stage.ts";
import { Audience } from "../support/audience.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";

const STREAM = "live/codec";
/** What docs/clients.md says of each, when HEVC follows H.264 under it. */
const STAY = playerKinds("ffmpeg", "ffprobe", "decoder", "mpv");
const GO_ON_WITH_SOUND = playerKinds("ffprobe", "decoder");
const GIVE_UP = playerKinds("mpegts", "mpegtsWebSocket");

describe("HEVC after H.264, under players that look into the codec", () => {
  const stage = new Stage(2);
  const swapped = new Map<string, number>();
  let audience: Audience;
  before(async () => {
    await stage.open();
    await stage.publish(PUBLISHERS.wire, STREAM, { video: "h264", audio: "aac" });
    audience = new Audience([...STAY, ...GIVE_UP], stage.places);
    audience.start(STREAM);
    await audience.settled();
    for (const { name, player } of audience.seats) swapped.set(name, player.progress ?? 0);
    const second = await stage.publish(PUBLISHERS.wire, STREAM, { video: "hevc", audio: "aac" }, stage.away);
    await waitFor(() => second.position > 6_000, { within: 30_000, what: "media of the second encoder" });
    await second.finish(500);
    await audience.dispersed(40_000);
  });
  after(async () => {
    await audience?.stop();
    await stage.close();
  });

  for (const place of [HOME, AWAY]) {
    for (const kind of STAY)
      test(`${kind.name} ${place} stays to the end`, { skip: missing(kind) }, () =>
        audience.seatOf(kind, place).endsInOrder(),
      );
    for (const kind of GO_ON_WITH_SOUND)
      test(`${kind.name} ${place} goes on with the sound`, { skip: missing(kind) }, () => {
        const seat = audience.seatOf(kind, place);
        const more = (seat.player.progress ?? 0) - (swapped.get(seat.name) ?? 0);
        assert.ok(more > 5_000, `${more} ms`);
      });
    for (const kind of GIVE_UP)
      test(`${kind.name} ${place} says why it gives up`, { skip: missing(kind) }, async () => {
        const { code, said } = await audience.seatOf(kind, place).player.exit;
        assert.equal(code, 1);
        assert.match(said, /codec/);
      });
  }
});
