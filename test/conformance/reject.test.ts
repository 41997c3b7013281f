import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { differences } from "../support/packet-compare.ts";
import { PLAYERS } from "../support/players.ts";
import type { Player } from "../support/player.ts";
import type { Publisher } from "../support/publisher.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { AWAY, HOME, Stage } from "./stage.ts";

const FIRST = { video: "h264", audio: "aac", take: 1 } as const;
const SECOND = { video: "h264", audio: "aac", take: 2 } as const;
const KINDS: readonly PublisherKind[] = [
  PUBLISHERS.ffmpeg,
  PUBLISHERS.gstreamer,
  PUBLISHERS.curl,
  PUBLISHERS.wire,
  PUBLISHERS.fleet,
];

describe("a second encoder where the first one keeps the name", () => {
  const stage = new Stage();
  const stream = "live/kept";
  let first: Publisher | undefined;
  let player: Player | undefined;
  before(async () => {
    await stage.open({ config: { publish: { onDuplicate: "reject" } } });
    first = await stage.publish(PUBLISHERS.wire, stream, FIRST);
    player = PLAYERS.wire.play(stage.away.at, stream);
    await waitFor(() => player?.progress !== undefined, { what: "media" });
  });
  after(async () => {
    await player?.stop();
    await stage.close();
  });

  for (const place of [HOME, AWAY])
    for (const kind of KINDS)
      test(`${kind.name} ${place} is refused and gives up by itself`, { skip: missing(kind) }, async () => {
        const origin = place === HOME ? stage.home : stage.away;
        const second = await stage.offer(kind, stream, SECOND, origin);
        await waitFor(() => !second.running, { what: "the end of the second encoder" });
        assert.notEqual((await second.exit).code, 0);
      });

  test("the first encoder and its player know nothing of it", async () => {
    await first?.finish(500);
    assert.equal((await player?.exit)?.code, 0);
    const rules = { order: "exact", complete: true } as const;
    assert.deepEqual(differences([first?.sent() ?? []], player?.units() ?? [], rules), []);
  });
});
