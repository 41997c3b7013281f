import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../../../src/domain/errors.ts";
import type { IngestRecord } from "../../../src/domain/ingest.ts";
import type { OriginRecord } from "../../../src/domain/origin-record.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { explainIngest } from "../../../src/fleet/explain-ingest.ts";
import type { IngestView } from "../../../src/fleet/ingest-view.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const CAM = parseStreamKey("live/cam");

function origin(name: string, more: Partial<OriginRecord> = {}): OriginRecord {
  const addresses = { rtmp: "", http: "", relay: "", peer: "" };
  const session = { epoch: 7, beat: 1, load: 0, streams: 0, since: NOW - 3_600_000, version: "0.1.0" };
  return {
    name,
    host: name,
    instance: `of-${name}`,
    state: "up",
    weight: 1,
    ...addresses,
    ...session,
    ...more,
  };
}

function ingest(more: Partial<IngestRecord> = {}): IngestRecord {
  const definition = {
    url: "rtsp://me:hunter2@cam/1",
    captureAt: "",
    weight: 1,
    overlap: false,
    onDemand: false,
  };
  const status = { owner: "o1", epoch: 7, token: 42, profile: 0, error: "", why: "least loaded", marks: [] };
  const wishes = { enabled: true, removed: 0, demandUntil: 0, moveTo: "", lastMove: NOW - 60_000 };
  return {
    stream: CAM,
    fallback: [],
    source: "api",
    state: "live",
    ...definition,
    ...status,
    ...wishes,
    ...more,
  };
}

/** Live on o1, of o1 and o2, planned there a second ago. */
function view(record: Partial<IngestRecord> = {}, more: Partial<IngestView> = {}): IngestView {
  const line = { stream: CAM, origin: "o1", why: "it runs there" };
  return {
    record: ingest(record),
    plan: { term: 9, at: NOW - 1_000, by: "o2", lines: [line] },
    line,
    lease: { holder: { origin: "o1", epoch: 7, token: 42 }, ttlMs: 4_200 },
    ahead: undefined,
    origins: [origin("o1"), origin("o2")],
    now: NOW,
    ...more,
  };
}

const AWAY = { captureAt: "o2", fallback: ["exec:ffmpeg hunter2"], profile: 1 };
const mark = (name: string, count = 1) => ({ origin: name, count, until: NOW + 8_000 });

interface Case {
  readonly name: string;
  readonly view: IngestView;
  readonly summary?: RegExp;
  /** Each is one of the reasons. */
  readonly reasons?: readonly RegExp[];
  readonly not?: RegExp;
  readonly next?: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: "a live one",
    view: view(),
    summary: /^The ingest live\/cam is live on o1, under token 42\.$/,
    reasons: [
      /^Defined by API or command: rtsp:\/\/cam\/1\.$/,
      /^Its owner is o1, since 60\.0 s ago: least loaded\.$/,
      /^Its lease is held by o1 \(epoch 7, token 42\): 4\.2 s are left/,
      /^The plan has it at o1: it runs there \(made by o2, term 9\)\.$/,
    ],
    next: /^It stays on o1; if o1 dies, another origin pulls it\.$/,
  },
  {
    name: "one of a file with everything",
    view: view({
      source: "config",
      weight: 2,
      overlap: true,
      onDemand: true,
      demandUntil: NOW + 5_000,
      ...AWAY,
    }),
    reasons: [
      /^Defined in the settings files of origins: rtsp:\/\/cam\/1, captureAt o2, weight 2, overlap, on demand, 1 fallback\.$/,
      /^Fallback 1 is in use \(exec:ffmpeg …\), since it runs away from o2\.$/,
      /somebody plays it, or did until a moment ago \(5\.0 s left\)/,
    ],
  },
  {
    name: "a paused one",
    view: view({ state: "paused", enabled: false }, { lease: undefined }),
    summary: /is paused: nobody pulls it/,
    not: /lease|plan/,
    next: /holdfast ingests resume live\/cam$/,
  },
  {
    name: "one whose owner is gone",
    view: view({}, { origins: [origin("o2")], lease: undefined }),
    summary: /was live on o1, under token 42, whose session is over/,
    reasons: [/^The session of o1 that it was begun in \(epoch 7\) is over\.$/, /^Nobody holds its lease/],
    next: /^The planner gives it to a living origin\.$/,
  },
  {
    name: "one whose owner came back as another session",
    view: view({}, { origins: [origin("o1", { epoch: 8 }), origin("o2")] }),
    summary: /whose session is over/,
  },
  {
    name: "one that nobody can pull",
    view: view({ state: "idle", owner: "", token: 0 }, { origins: [], lease: undefined, line: undefined }),
    summary: /is not pulled yet: nobody has pulled it yet/,
    reasons: [/^The plan has no place for it/],
    next: /as soon as an origin is alive/,
  },
  {
    name: "one without any plan",
    view: view({}, { plan: { term: 0, at: 0, by: "", lines: [] }, line: undefined }),
    reasons: [/^There is no plan/],
  },
  {
    name: "one with a plan that nobody confirms",
    view: view({}, { plan: { term: 9, at: NOW - 40_000, by: "o3", lines: [] } }),
    reasons: [/^The plan is 40\.0 s old: o3, the planner, is gone\. Origins take what nobody pulls/],
  },
  {
    name: "one whose lease cannot be read",
    view: view({}, { lease: new HoldfastError("REGISTRY_UNAVAILABLE") }),
    reasons: [/^Its lease could not be read: the registry gave no answer\.$/],
  },
  {
    name: "one whose lease another has",
    view: view({}, { lease: { holder: { origin: "o2", epoch: 7, token: 50 }, ttlMs: 3_000 } }),
    reasons: [/held by o2 .*not the owner in its status \(token 42\): a change is under way/],
  },
  {
    name: "one that moves with overlap",
    view: view(
      { overlap: true },
      {
        line: { stream: CAM, origin: "o2", why: "moved by o9" },
        ahead: { holder: { origin: "o2", epoch: 7, token: 51 }, ttlMs: 9_000 },
      },
    ),
    reasons: [/^o2 pulls it ahead of a move \(token 51\)/],
    next: /^o2 begins to pull it; o1 stops at the first keyframe that o2 has\.$/,
  },
  {
    name: "one that moves without overlap",
    view: view({}, { line: { stream: CAM, origin: "o2", why: "moved to even out the load" } }),
    next: /^o2 pulls it as soon as o1 has let it go\.$/,
  },
  {
    name: "one whose captureAt is not alive",
    view: view({ captureAt: "o9" }),
    reasons: [/^It is not at o9: no origin of this name is alive\.$/],
    next: /^It goes back to o9 when/,
  },
  {
    name: "one whose captureAt drains",
    view: view({ captureAt: "o2" }, { origins: [origin("o1"), origin("o2", { state: "draining" })] }),
    reasons: [/^It is not at o2: that origin is draining\.$/],
  },
  {
    name: "one whose captureAt weighs nothing",
    view: view({ captureAt: "o2" }, { origins: [origin("o1"), origin("o2", { weight: 0 })] }),
    reasons: [/weight 0/],
  },
  {
    name: "one that failed at captureAt",
    view: view({ captureAt: "o2", marks: [mark("o2", 3), mark("o4")] }),
    reasons: [
      /^It is not at o2: it failed there 3 times, and is not tried again for 8\.0 s\.$/,
      /^It failed on o4 once: not tried there for 8\.0 s\.$/,
    ],
  },
  {
    name: "one whose mark at captureAt is over",
    view: view({ captureAt: "o2", marks: [{ ...mark("o2"), until: NOW - 1 }] }),
    reasons: [/its turn comes/],
    not: /failed/,
  },
  {
    name: "one whose captureAt came back a moment ago",
    view: view({ captureAt: "o2" }, { origins: [origin("o1"), origin("o2", { since: NOW - 4_000 })] }),
    reasons: [/^It is not at o2: that origin is up for 4\.0 s only; after 10\.0 s it goes back\.$/],
  },
  {
    name: "one on its way to captureAt",
    view: view({ captureAt: "o2" }, { line: { stream: CAM, origin: "o2", why: "captureAt o2" } }),
    reasons: [/on its way there/],
  },
  {
    name: "one that moved a moment ago",
    view: view({ captureAt: "o2", lastMove: NOW - 10_000 }),
    reasons: [/^It is not at o2: it moved a moment ago and rests where it is for 20\.0 s more\.$/],
  },
  {
    name: "one that an operator moved away",
    view: view({ captureAt: "o2", moveTo: "o1" }),
    reasons: [/^It is not at o2: an operator wants it at o1\.$/],
  },
  {
    name: "one that an operator wants where nobody is",
    view: view({ moveTo: "o9" }),
    reasons: [/^An operator wants it at o9, which is not alive\.$/],
  },
  {
    name: "one at a worker of captureAt",
    view: view(
      { captureAt: "box", owner: "box-2" },
      { origins: [origin("box-1", { host: "box" }), origin("box-2", { host: "box" })] },
    ),
    not: /It is not at/,
  },
  {
    name: "one that fails",
    view: view({ state: "retrying", error: "the source broke" }),
    summary: /does not work on o1 just now/,
    reasons: [/^Last error: the source broke\.$/],
    next: /after 3 tries or 15 s/,
  },
  {
    name: "one that failed everywhere",
    view: view({ state: "resting", error: "x", marks: [mark("o1"), mark("o2")] }),
    summary: /failed on every origin and rests/,
    next: /^o1 tries it again with growing pauses/,
  },
  {
    name: "one on demand that nobody plays",
    view: view({ state: "idle", onDemand: true }, { line: undefined, lease: undefined }),
    summary: /idle: it is pulled on demand, and nobody plays it/,
    not: /no place/,
    next: /^The first play/,
  },
  {
    name: "one whose fallback is not in its definition any more",
    view: view({ ...AWAY, profile: 4 }),
    reasons: [/^Fallback 4 is in use \(no more in its definition\)/],
  },
  {
    name: "one at home, with a fallback",
    view: view({ ...AWAY, profile: 0, captureAt: "o1" }),
    reasons: [/^Its own URL is in use, none of its 1 fallback\.$/],
  },
];

for (const { name, view: given, summary = /./, reasons = [], not = /hunter2/, next = /./ } of CASES) {
  test(`the explanation of an ingest: ${name}`, () => {
    const said = explainIngest(given);
    assert.match(said.summary, summary);
    assert.match(said.next, next);
    for (const words of reasons)
      assert.ok(
        said.reasons.some((reason) => words.test(reason)),
        `${words} in\n${said.reasons.join("\n")}`,
      );
    assert.ok(!said.reasons.some((reason) => not.test(reason)), said.reasons.join("\n"));
    assert.doesNotMatch(JSON.stringify(said), /hunter2/);
  });
}
