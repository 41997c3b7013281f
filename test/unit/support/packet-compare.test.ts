import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MediaUnit } from "../../support/media-units.ts";
import { countByPublication, differences } from "../../support/packet-compare.ts";
import type { CompareRules } from "../../support/packet-compare.ts";

/** 4 s: 25 pictures a second with a keyframe every second, and a sound every 23 ms. */
function publication(name: string, tracks = { video: true, audio: true }): MediaUnit[] {
  const units: MediaUnit[] = [];
  for (let picture = 0; tracks.video && picture < 100; picture++)
    units.push({
      track: "video",
      dts: picture * 40,
      cts: 80,
      key: picture % 25 === 0,
      hash: `${name}${picture}`,
    });
  for (let sound = 0; tracks.audio && sound < 174; sound++)
    units.push({ track: "audio", dts: sound * 23, cts: 0, key: true, hash: `${name}${sound}` });
  return units.sort((a, b) => a.dts - b.dts);
}

const first = publication("a");
const second = publication("b");
const EXACT: CompareRules = { order: "exact", complete: true };
const PER_TRACK: CompareRules = { order: "per-track", complete: true };
const moved = (units: readonly MediaUnit[], ms: number) =>
  units.map((unit) => ({ ...unit, dts: unit.dts + ms }));
/** From the keyframe at `ms` on. */
const from = (units: readonly MediaUnit[], ms: number) =>
  units.slice(units.findIndex(({ key, track, dts }) => key && track === "video" && dts === ms));
const without = (units: readonly MediaUnit[], place: number) => units.filter((_, at) => at !== place);

/** The same frames, pictures of each 200 ms first, as a remuxer may write them. */
function remuxed(units: readonly MediaUnit[]): MediaUnit[] {
  const slot = ({ dts, track }: MediaUnit) => Math.floor(dts / 200) * 2 + (track === "video" ? 0 : 1);
  return [...units].sort((a, b) => slot(a) - slot(b) || a.dts - b.dts);
}

describe("what counts as the same", () => {
  const cases: [string, MediaUnit[][], MediaUnit[], CompareRules][] = [
    ["all of it", [first], first, EXACT],
    ["from a later keyframe on, on another clock", [first], moved(from(first, 2000), 7_000), EXACT],
    ["a remuxed copy", [first], remuxed(from(first, 1000)), PER_TRACK],
    [
      "cut off, when the player need not be complete",
      [first],
      first.slice(0, 90),
      { ...EXACT, complete: false },
    ],
    [
      "the first encoder's part, then the second one's, later on",
      [first, second],
      [...first.slice(0, 100), ...moved(from(second, 1000), 5_000)],
      EXACT,
    ],
    ["sound alone, from anywhere", [publication("s", { video: false, audio: true })], [], EXACT],
    ["the last frame missing, when that is forgiven", [first], first.slice(0, -1), { ...EXACT, spare: 1 }],
    ["rounding within the tolerance", [first], jitter(first), { ...EXACT, tolerance: 1 }],
  ];
  for (const [name, publications, played, rules] of cases) {
    const units = played.length === 0 ? (publications[0] ?? []).slice(5) : played;
    test(name, () => assert.deepEqual(differences(publications, units, rules), []));
  }
});

describe("what is found", () => {
  const key = first.findIndex(({ key, track, dts }) => key && track === "video" && dts === 2000);
  const swapped = first.map((unit, at) => first[at === 50 ? 51 : at === 51 ? 50 : at] ?? unit);
  const damaged = first.map((unit, at) => (at === 60 ? { ...unit, hash: "other" } : unit));
  const skewed = first.map((unit) => (unit.track === "audio" ? { ...unit, dts: unit.dts + 5 } : unit));
  const back = [...first.slice(0, 100), ...moved(from(second, 1000), 0)];
  const cases: [string, MediaUnit[][], MediaUnit[], CompareRules, RegExp][] = [
    ["one frame is missing", [first], without(first, 70), EXACT, /^1 missing before/],
    [
      "one frame is missing from a remuxed copy",
      [first],
      remuxed(without(first, 70)),
      PER_TRACK,
      /1 missing/,
    ],
    ["a frame arrives twice", [first], [...first.slice(0, 31), ...first.slice(30)], EXACT, /arrived twice/],
    ["two frames are swapped", [first], swapped, EXACT, /out of order/],
    ["a byte changed", [first], damaged, EXACT, /never published/],
    ["it does not begin with a keyframe", [first], first.slice(key + 1), EXACT, /not with a keyframe/],
    [
      "a remuxed copy without its keyframe",
      [first],
      remuxed(first.slice(key + 1)),
      PER_TRACK,
      /not with a key/,
    ],
    ["the end is missing", [first], first.slice(0, -1), EXACT, /the end is missing/],
    [
      "the last sound of a remuxed copy is missing",
      [first],
      without(first, lastSound()),
      PER_TRACK,
      /end is mis/,
    ],
    [
      "two are missing at the end where one is forgiven",
      [first],
      first.slice(0, -2),
      { ...EXACT, spare: 1 },
      /end is/,
    ],
    ["sound and picture are moved apart", [first], skewed, EXACT, /is moved by 5, not by 0 ms/],
    ["the sound after the keyframe is missing", [first], lateSound(), PER_TRACK, /audio after the keyframe/],
    ["timestamps go back at a take-over", [first, second], back, EXACT, /goes back/],
    ["the first encoder comes back", [first, second], comeBack(), EXACT, /after its publication was over/],
    ["the second encoder never came", [first, second], first, EXACT, /the end is missing/],
    ["a keyframe is not marked as one", [first], unmarked(), EXACT, /changed whether it is a keyframe/],
    ["the composition time changed", [first], recomposed(), EXACT, /has composition time 0, not 80 ms/],
    ["nothing arrived", [first], [], EXACT, /no published frame arrived/],
  ];
  for (const [name, publications, played, rules, expected] of cases) {
    test(name, () => assert.match(differences(publications, played, rules).join("\n"), expected));
  }

  test("a publication that repeats itself is refused: nothing could be told", () => {
    assert.throws(() => differences([[...first, ...first]], first, EXACT), /repeats/);
  });

  function lateSound(): MediaUnit[] {
    const rest = from(first, 1000);
    const sounds = rest.filter(({ track }) => track === "audio");
    return rest.filter((unit) => !sounds.slice(0, 3).includes(unit));
  }
  function lastSound(): number {
    return first.findLastIndex(({ track }) => track === "audio");
  }
  function comeBack(): MediaUnit[] {
    const later = moved(second, 5_000);
    return [...first.slice(0, 100), ...later.slice(0, 100), ...moved(from(first, 2000), 9_000)];
  }
  function unmarked(): MediaUnit[] {
    return first.map((unit, at) => (at === key ? { ...unit, key: false } : unit));
  }
  function recomposed(): MediaUnit[] {
    return first.map((unit, at) => (at === key ? { ...unit, cts: 0 } : unit));
  }
});

test("frames are counted for each publication", () => {
  assert.deepEqual(
    countByPublication([first, second], [...first.slice(0, 7), ...second.slice(0, 3)]),
    [7, 3],
  );
});

function jitter(units: readonly MediaUnit[]): MediaUnit[] {
  return units.map((unit, at) => ({ ...unit, dts: unit.dts + (at % 3 === 1 ? 1 : 0) }));
}
