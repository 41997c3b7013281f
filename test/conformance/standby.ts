import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { countByPublication } from "../support/packet-compare.ts";
import type { PlayerKind } from "../support/players.ts";
import { ProgramPublisher } from "../support/publisher.ts";
import type { Publisher } from "../support/publisher.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { SilentLine } from "../support/silent-line.ts";
import { Stillness } from "../support/stillness.ts";
import { waitFor } from "../support/wait.ts";
import { ffmpegTo } from "./mortal.ts";
import { type AWAY, HOME, SINCE_JOINED_MS, type Stage } from "./stage.ts";

/** Settings of the fleet: shorter than the defaults, so that a test lasts seconds. */
export const STANDBY = { onDuplicate: "standby", stall: "1s", preferAfter: "3s" } as const;
const STALL_MS = 1_000;
const GOP_MS = 1_000;
/** What looking, claiming and a busy machine may add. */
const SLACK_MS = 2_000;

export interface StandbyRow {
  /** What becomes of the first encoder. */
  readonly fails: "is killed" | "stands still" | "falls silent";
  /** Where the second one stands by; the first one is at home. */
  readonly where: typeof HOME | typeof AWAY;
  readonly players: readonly PlayerKind[];
}

const RECIPES = [
  { video: "h264", audio: "aac", take: 1 },
  { video: "h264", audio: "aac", take: 2 },
] as const;

/** The tests of one row: players go from the first encoder to the second, and back when it comes back. */
export function describeStandby(stage: Stage, { fails, where, players }: StandbyRow): void {
  const comesBack = fails !== "is killed";
  const title = `the first ffmpeg ${fails}, the second stands by ${where}`;
  const kind = PUBLISHERS.ffmpeg;
  describe(title, { skip: missing(kind) }, () => {
    const stream = `live/${title}`.replaceAll(/[^a-z0-9/]+/gi, "-");
    const gaps: Stillness[] = [];
    let line: SilentLine | undefined;
    let first: Publisher | undefined;
    let second: Publisher | undefined;
    let audience: Audience | undefined;
    let published: Published;
    let reasons: string[] = [];

    before(async () => {
      line = await SilentLine.to(stage.home.at.rtmp);
      first = await stage.publish(ffmpegTo(line.address), stream, RECIPES[0]);
      const origin = where === HOME ? stage.home : stage.away;
      second = await stage.offer(kind, stream, RECIPES[1], origin);
      await waitFor(() => origin.origin.streams().some(({ standbys }) => standbys[0]?.ready), {
        within: 20_000,
        what: "the second encoder standing by",
      });
      audience = new Audience(players, stage.places);
      audience.start(stream);
      await audience.settled();

      gaps.push(new Stillness(audience.seats.map(({ player }) => player)));
      await fail(fails, first, line);
      await switched(stream, 1);
      await flow(second, SINCE_JOINED_MS);
      gaps[0]?.stop();

      const cut = first.sent().length;
      if (comesBack) {
        gaps.push(new Stillness(audience.seats.map(({ player }) => player)));
        await comeBack(fails, first, line);
        await switched(stream, 2);
        await flow(first, SINCE_JOINED_MS);
        gaps[1]?.stop();
        await second.finish(0);
        await first.finish(SINCE_JOINED_MS);
      } else await second.finish(SINCE_JOINED_MS);
      await audience.dispersed();

      reasons = await switches(stream);
      const acts = [
        { publisher: first, kind, recipe: RECIPES[0] },
        { publisher: second, kind, recipe: RECIPES[1] },
        ...(comesBack ? [{ publisher: first, kind, recipe: RECIPES[0] }] : []),
      ];
      published = await stage.published(acts, SINCE_JOINED_MS * 2);
      if (comesBack) {
        const [all = [], others = []] = published.publications;
        published = { ...published, publications: [all.slice(0, cut), others, all.slice(cut)] };
      }
    });
    after(async () => {
      for (const gap of gaps) gap.stop();
      await audience?.stop();
      await line?.close();
    });

    test("the registry tells why each went on", () => {
      const failed = comesBack ? "stalled" : "gone";
      assert.deepEqual(reasons, comesBack ? [failed, "preferred"] : [failed]);
    });
    for (const place of stage.placeNames)
      for (const player of players)
        test(
          `${player.name} ${place} stays, and goes on within a group`,
          { skip: missing(player) },
          async (t) => {
            const seat = audience?.seatOf(player, place);
            assert.ok(seat);
            const longest = gaps.map((gap) => gap.longestOf(seat.player));
            t.diagnostic(`without anything new for ${longest.join(" and ")} ms at most`);
            const stall = comesBack ? STALL_MS : 0;
            if (player.hands !== "time")
              assert.ok((longest[0] ?? 0) < stall + GOP_MS + SLACK_MS, `${longest[0]}`);
            if (player.hands !== "time") assert.ok((longest[1] ?? 0) < GOP_MS + SLACK_MS, `${longest[1]}`);
            await seat.endsInOrder();
            await seat.got(published);
            const units = seat.player.units();
            if (units)
              assert.ok(countByPublication(published.publications, units).every((count) => count > 0));
          },
        );

    async function switched(key: string, times: number): Promise<void> {
      await waitFor(async () => (await switches(key)).length === times, {
        within: 30_000,
        what: `${times} switches of ${key}`,
      });
    }

    async function switches(key: string): Promise<string[]> {
      const query = new URLSearchParams({ stream: key });
      const answer = await fetch(`http://${stage.away.at.api}/api/fleet/v1/events?${query}`);
      const { events } = (await answer.json()) as { events: { type: string; fields: { reason: string } }[] };
      return events.filter(({ type }) => type === "switched").map(({ fields }) => fields.reason);
    }
  });
}

async function fail(how: StandbyRow["fails"], publisher: Publisher, line: SilentLine): Promise<void> {
  if (how === "is killed") return publisher.die();
  if (how === "falls silent") return line.hush();
  assert.ok(publisher instanceof ProgramPublisher);
  publisher.signal("SIGSTOP");
}

async function comeBack(how: StandbyRow["fails"], publisher: Publisher, line: SilentLine): Promise<void> {
  if (how === "falls silent") return line.speak();
  assert.ok(publisher instanceof ProgramPublisher);
  publisher.signal("SIGCONT");
}

/** Wait for `ms` more of media. */
async function flow(publisher: Publisher, ms: number): Promise<void> {
  const from = publisher.position;
  await waitFor(() => publisher.position > from + ms, { within: 30_000, what: "media going on" });
}
