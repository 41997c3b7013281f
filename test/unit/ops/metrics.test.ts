import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HoldfastError } from "../../../src/domain/errors.ts";
import type { Registry } from "../../../src/domain/ports/registry.ts";
import type { StreamKey } from "../../../src/domain/stream-key.ts";
import { systemClock } from "../../../src/ops/clock.ts";
import { measuredGates } from "../../../src/ops/measured-gates.ts";
import type { MetricSources, StreamNumbers } from "../../../src/ops/metric-sources.ts";
import { OriginMetrics } from "../../../src/ops/metrics.ts";
import { registryWith } from "../http/fixtures.ts";

const FANOUT = { writes: 30, bytes: 9_000, skips: 2 };
const key = "live/cam" as StreamKey;
const NOTHING = { open: [], ends: [], received: [], sent: [] };

function metricsOf(settings = { perStream: false, streamsMost: 200 }): OriginMetrics {
  return new OriginMetrics({ name: "o1", instance: "i1", version: "1.2.3", clock: systemClock, settings });
}

function sources(parts: Partial<MetricSources> = {}): MetricSources {
  return {
    sessions: [NOTHING],
    doors: { rtmp: { open: 3, refused: [{ labels: { reason: "too-fast" }, value: 7 }] } },
    channels: {
      players: 5,
      fanout: FANOUT,
      gopBytes: 4_096,
      gopDrops: 6,
      windows: () => [0, 0, 9.5, 100, 250],
    },
    halfReceived: { taken: 77 },
    reads: { window: 40 },
    registry: { available: true },
    session: { live: false },
    ingests: {
      states: () => ["live", "live", "retrying"],
      counts: { pulls: 9, moves: 1, fences: 2, losses: 3, failures: new Map([["SOURCE_FAILED", 4]]) },
    },
    streams: () => [],
    ready: () => false,
    ...parts,
  };
}

const played = (stream: string, players: number): StreamNumbers => ({
  stream,
  state: "published",
  players,
  standbys: [],
});

/** Lines of samples, without comments. */
async function samples(metrics: OriginMetrics): Promise<readonly string[]> {
  return (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

test("every metric is documented in docs/operations.md, and no other", async () => {
  const metrics = metricsOf({ perStream: true, streamsMost: 1 });
  metrics.start(sources());
  const told = [...(await metrics.text()).matchAll(/^# TYPE (holdfast_\w+) (\w+)$/gm)];
  const page = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
  const listed = [...page.matchAll(/^\| `(holdfast_\w+)(?:\{[^`]*\})?` +\| (gauge|counter|histogram) +\|/gm)];
  const sorted = (found: readonly RegExpMatchArray[]) =>
    found.map(([, name, type]) => `${name} ${type}`).toSorted();
  assert.deepEqual(sorted(listed), sorted(told));
  const labels = (name: string) =>
    new RegExp(`\`${name}\\{([\\w, ]+)\\}\``).exec(page)?.[1]?.split(", ") ?? [];
  for (const name of ["holdfast_session_ends_total", "holdfast_registry_failures_total"])
    assert.ok(labels(name).includes("code"), name);
});

test("names and helps are as Prometheus wants them", async () => {
  const metrics = metricsOf({ perStream: true, streamsMost: 1 });
  metrics.start(sources());
  const text = await metrics.text();
  assert.equal(metrics.contentType, "text/plain; version=0.0.4; charset=utf-8");
  for (const [, name = "", type] of text.matchAll(/^# TYPE (holdfast_\w+) (\w+)$/gm)) {
    assert.match(name, /^holdfast(?:_[a-z]+)+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    if (type === "histogram") assert.match(name, /_seconds$/);
    assert.match(text, new RegExp(`^# HELP ${name} \\S.{10,}`, "m"));
  }
  for (const line of await samples(metrics))
    assert.match(
      line,
      /^[a-z_:][\w:]*(?:\{(?:\w+="(?:[^"\\\n]|\\.)*",?)+\})? (?:[-+]?[\d.e+-]+|\+Inf|NaN)$/i,
    );
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
});

test("plain numbers are read anew for every scrape", async () => {
  const metrics = metricsOf();
  let players = 5;
  const ends = [{ labels: { protocol: "rtmp", role: "player", code: "CLIENT_LEFT" }, value: 2 }];
  metrics.start(
    sources({
      sessions: [{ ...NOTHING, ends }, NOTHING],
      channels: {
        get players() {
          return players;
        },
        fanout: FANOUT,
        gopBytes: 1,
        gopDrops: 6,
        windows: () => [0, 0, 9.5, 100, 250],
      },
      streams: () => [
        played("live/a", 1),
        { stream: "live/b", state: "held", players: 0, standbys: ["one"] },
      ],
    }),
  );
  const first = await samples(metrics);
  for (const line of [
    'holdfast_build_info{version="1.2.3"} 1',
    'holdfast_origin_info{origin="o1",instance="i1"} 1',
    "holdfast_session_live 0",
    "holdfast_registry_available 1",
    "holdfast_fanout_players 5",
    "holdfast_fanout_writes_total 30",
    "holdfast_fanout_bytes_total 9000",
    "holdfast_fanout_skips_total 2",
    "holdfast_half_received_bytes 77",
    "holdfast_gop_drops_total 6",
    "holdfast_read_window_seconds 0.04",
    'holdfast_connections{port="rtmp"} 3',
    'holdfast_connections_refused_total{port="rtmp",reason="too-fast"} 7',
    'holdfast_session_ends_total{protocol="rtmp",role="player",code="CLIENT_LEFT"} 2',
    'holdfast_channels{state="published"} 1',
    'holdfast_channels{state="relayed"} 0',
    'holdfast_channels{state="held"} 1',
    "holdfast_standbys 1",
    'holdfast_fanout_channels{window="0"} 2',
    'holdfast_fanout_channels{window="10"} 1',
    'holdfast_fanout_channels{window="100"} 1',
    'holdfast_fanout_channels{window="more"} 1',
  ])
    assert.ok(first.includes(line), line);
  players = 6;
  const second = await samples(metrics);
  assert.ok(second.includes("holdfast_fanout_players 6"));
  assert.ok(
    second.includes('holdfast_session_ends_total{protocol="rtmp",role="player",code="CLIENT_LEFT"} 2'),
    "a total is told, not added again",
  );
});

test("streams have series of their own only when asked for, and no more than that", async () => {
  const streams = () => [played("live/a", 1), played("live/b", 30), played('live/"c\\\n', 20)];
  const plain = metricsOf();
  plain.start(sources({ streams }));
  assert.doesNotMatch(await plain.text(), /live\//);
  const detailed = metricsOf({ perStream: true, streamsMost: 2 });
  detailed.start(sources({ streams }));
  const lines = await samples(detailed);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("holdfast_stream_players")),
    [
      'holdfast_stream_players{stream="live/b",state="published"} 30',
      'holdfast_stream_players{stream="live/\\"c\\\\\\n",state="published"} 20',
    ],
  );
  assert.ok(lines.includes("holdfast_streams_not_shown 1"));
});

test("two origins in one process count apart", async () => {
  const [one, other] = [metricsOf(), metricsOf()];
  one.start(sources());
  other.start(sources({ halfReceived: { taken: 1 } }));
  one.answered("play", "refused", 3, "STREAM_NOT_FOUND");
  assert.match(await one.text(), /^holdfast_refusals_total\{request="play",code="STREAM_NOT_FOUND"\} 1$/m);
  assert.doesNotMatch(await other.text(), /STREAM_NOT_FOUND/);
  assert.match(await other.text(), /^holdfast_half_received_bytes 1$/m);
});

test("round trips to the registry are measured, and their failures counted", async () => {
  const metrics = metricsOf();
  const plain: Registry = registryWith();
  const registry = metrics.registry(plain);
  assert.equal(registry.address, "memory");
  assert.equal((await registry.locate([key])).length, 1);
  await assert.rejects(registry.heartbeat({ name: "o1", instance: "i", epoch: 1 }, {} as never), {
    code: "INTERNAL",
  });
  assert.equal((await registry.listOrigins()).length, 1);
  const lines = await samples(metrics);
  const counted = lines.filter((line) => line.startsWith("holdfast_registry_request_seconds_count"));
  assert.deepEqual(counted.toSorted(), [
    'holdfast_registry_request_seconds_count{request="heartbeat"} 1',
    'holdfast_registry_request_seconds_count{request="locate"} 1',
  ]);
  assert.ok(lines.includes('holdfast_registry_failures_total{request="heartbeat",code="INTERNAL"} 1'));
});

test("pulls from other origins are counted, and the failures among them", async () => {
  const metrics = metricsOf();
  let fail: (error: Error) => void = () => undefined;
  const dialer = metrics.dialer({ pull: () => new Promise((_resolve, reject) => (fail = reject)) });
  const pull = () => dialer.pull({} as never, () => undefined as never, new AbortController().signal);
  for (const [code, pulls] of [
    ["RELAY_FAILED", 1],
    ["STOPPING", 2],
  ] as const) {
    const pulled = assert.rejects(pull(), { code });
    assert.ok((await samples(metrics)).includes("holdfast_relay_pulls 1"));
    fail(new HoldfastError(code));
    await pulled;
    assert.ok((await samples(metrics)).includes(`holdfast_relay_pulls_total ${pulls}`));
  }
  const lines = await samples(metrics);
  assert.ok(lines.includes("holdfast_relay_pulls 0"));
  assert.deepEqual(
    lines.filter((line) => line.startsWith("holdfast_relay_failures_total")),
    ['holdfast_relay_failures_total{code="RELAY_FAILED"} 1'],
    "a pull that is not needed any more has not failed",
  );
});

test("answers of the gates are counted by what was asked and how it ended", async () => {
  const metrics = metricsOf();
  const { publish, play } = measuredGates(
    {
      publish: { publish: (name: string) => Promise.resolve(name) },
      play: {
        play: ({ stream }: { readonly stream: string; readonly ticket?: string }) => {
          if (stream === "none") return Promise.reject(new HoldfastError("STREAM_NOT_FOUND"));
          return Promise.resolve({ kind: stream === "far" ? "redirect" : "serve" } as const);
        },
      },
    },
    systemClock,
    metrics.answered,
  );
  assert.equal(await publish.publish("cam"), "cam");
  await play.play({ stream: "near" });
  await play.play({ stream: "far" });
  await play.play({ stream: "near", ticket: "t" });
  await assert.rejects(play.play({ stream: "none", ticket: "t" }), { code: "STREAM_NOT_FOUND" });
  const lines = await samples(metrics);
  for (const line of [
    'holdfast_requests_total{request="publish",answer="accepted"} 1',
    'holdfast_requests_total{request="publish",answer="refused"} 0',
    'holdfast_requests_total{request="play",answer="accepted"} 1',
    'holdfast_requests_total{request="play",answer="redirected"} 1',
    'holdfast_requests_total{request="relay",answer="accepted"} 1',
    'holdfast_requests_total{request="relay",answer="refused"} 1',
    'holdfast_refusals_total{request="relay",code="STREAM_NOT_FOUND"} 1',
    'holdfast_answer_seconds_count{request="play"} 2',
  ])
    assert.ok(lines.includes(line), line);
});

test("ingests are counted by state, and their troubles by kind", async () => {
  const metrics = metricsOf();
  metrics.start(sources());
  const lines = await samples(metrics);
  for (const line of [
    'holdfast_ingests{state="live"} 2',
    'holdfast_ingests{state="retrying"} 1',
    'holdfast_ingests{state="resting"} 0',
    "holdfast_ingest_pulls_total 9",
    'holdfast_ingest_failures_total{code="SOURCE_FAILED"} 4',
    "holdfast_ingest_moves_total 1",
    'holdfast_ingest_leases_lost_total{how="fenced"} 2',
    'holdfast_ingest_leases_lost_total{how="taken"} 3',
  ])
    assert.ok(lines.includes(line), line);
});
