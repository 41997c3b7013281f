import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { maskValue } from "../../../src/config/mask.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { SETTINGS } from "../../../src/config/settings.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "holdfast.yml");
const KEY = "0123456789abcdef";

/** The complete lines, with `FILE` for the file; empty when there is none. */
function problemsOf(text: string, env: Record<string, string> = {}): readonly string[] {
  writeFileSync(file, text);
  try {
    loadConfig({ file, env });
    return [];
  } catch (error) {
    assert.ok(error instanceof HoldfastError && error.code === "CONFIG_INVALID");
    assert.doesNotMatch(error.message, /hunter2/);
    return (error.context["problems"] as string[]).map((one) => one.replaceAll(file, "FILE"));
  }
}

const STANDARD = { captureAt: "", weight: 1, overlap: false, onDemand: false, fallback: [] };

test("ingests are read with their defaults; those not enabled are left out", () => {
  writeFileSync(
    file,
    `ingests:
  - { stream: live/cam01, url: "rtsp://cam01/stream1" }
  - { stream: /live/off, url: "rtsp://cam02/stream1", enabled: false }
  - stream: live/cam03
    url: rtmp://src/app/x
    captureAt: s01
    weight: 2.5
    overlap: true
    onDemand: true
    fallback: [http://backup/x.flv]
`,
  );
  const { config, sources } = loadConfig({ file, env: {} });
  assert.deepEqual(config.ingests, [
    { ...STANDARD, stream: "live/cam01", url: "rtsp://cam01/stream1" },
    {
      stream: "live/cam03",
      url: "rtmp://src/app/x",
      captureAt: "s01",
      weight: 2.5,
      overlap: true,
      onDemand: true,
      fallback: ["http://backup/x.flv"],
    },
  ]);
  assert.ok(Object.isFrozen(config.ingests[0]));
  assert.equal(sources.get("ingests"), `${file}:2:3`);
});

test("the environment gives the list as YAML or JSON, or names a file with it", () => {
  const expected = [{ ...STANDARD, stream: "live/a", url: "rtsp://a/1" }];
  const list = join(folder, "ingests.yml");
  writeFileSync(list, "- stream: live/a\n  url: rtsp://a/1\n");
  for (const env of [
    { HOLDFAST_INGESTS: '[{"stream":"live/a","url":"rtsp://a/1"}]' },
    { HOLDFAST_INGESTS: "- stream: live/a\n  url: rtsp://a/1\n" },
    { HOLDFAST_INGESTS_FILE: list },
  ])
    assert.deepEqual(loadConfig({ env }).config.ingests, expected);
});

test("the settings of pulls and of lock nodes have their defaults", () => {
  const { ingest, redis, ingests } = configSchema.parse({});
  assert.deepEqual(ingest, {
    startsPerSecond: 20,
    connectTimeout: 5_000,
    idleTimeout: 5_000,
    keyframeTimeout: 10_000,
    retryMin: 500,
    retryMax: 30_000,
    idleStop: 10_000,
    allowExec: false,
  });
  assert.deepEqual(redis.lockNodes, []);
  assert.deepEqual(ingests, []);
});

const WRONG: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "another scheme, no scheme, and a URL with a mistake, each without showing it",
    `ingests:
  - { stream: live/a, url: "srt://:hunter2@host" }
  - stream: live/b
    url: hunter2
  - { stream: live/c, url: "rtmp://:hunter2@host/app" }
`,
    [
      "FILE:2:28 ingests[0].url: is not valid: expected rtmp://, rtmps://, rtsp://, http://, https:// or exec:",
      "FILE:4:10 ingests[1].url: is not valid: expected rtmp://, rtmps://, rtsp://, http://, https:// or exec:",
      "FILE:5:28 ingests[2].url: is not valid: expected /APP/STREAM after the host",
    ],
  ],
  [
    "a stream key that is none",
    `ingests: [{ stream: cam, url: "rtsp://a" }, { stream: 5, url: "rtsp://a" }]\n`,
    [
      "FILE:1:21 ingests[0].stream: is not valid: app/stream is expected",
      "FILE:1:55 ingests[1].stream: expected app/stream, got 5",
    ],
  ],
  [
    "a stream that is defined twice",
    `ingests:\n- { stream: live/a, url: "rtsp://a" }\n- { stream: /live/a, url: "rtsp://b" }\n`,
    ["FILE:3:13 ingests[1].stream: live/a is defined already by ingests[0]"],
  ],
  [
    "what is missing or has no value",
    `ingests:\n- { stream: live/a }\n- url: rtsp://a\n  stream:\n-\n`,
    [
      "FILE:2:3 ingests[0]: url is missing: where the media is: rtmp(s)://, rtsp://, http(s)://….flv, or exec: and a command line",
      "FILE:4:3 ingests[1].stream: expected app/stream, got nothing",
      "FILE:5:2 ingests[2]: expected a section with stream, url, captureAt, weight, overlap, onDemand, fallback, enabled",
    ],
  ],
  [
    "unknown keys, keys given twice, and keys that JavaScript treats specially",
    `ingests:
- { stream: live/a, url: "rtsp://a", captureat: s01, banana: 1, __proto__: 2 }
- { stream: live/b, url: "rtsp://a", url: "rtsp://b" }
`,
    [
      "FILE:2:49 ingests[0].captureat: is not known here; did you mean captureAt?",
      "FILE:2:62 ingests[0].banana: is not known here; allowed: stream, url, captureAt, weight, overlap, onDemand, fallback, enabled",
      "FILE:2:76 ingests[0].__proto__: is not known here; allowed: stream, url, captureAt, weight, overlap, onDemand, fallback, enabled",
      "FILE:3:38 ingests[1].url: is given twice, first at FILE:3:26",
    ],
  ],
  [
    "weights, names and switches out of range",
    `ingests: [{ stream: a/b, url: "rtsp://a", weight: 0, captureAt: "a b", overlap: 1, fallback: "rtsp://a" }]\n`,
    [
      "FILE:1:51 ingests[0].weight: expected a number above 0, 1000 at most, got 0",
      'FILE:1:65 ingests[0].captureAt: expected the name of an origin: 1 to 63 letters, digits, dots, dashes or underscores, got "a b"',
      "FILE:1:81 ingests[0].overlap: expected true or false, got 1",
      "FILE:1:94 ingests[0].fallback: expected a list of up to 10 URLs",
    ],
  ],
  [
    "a fallback that is none",
    `ingests: [{ stream: a/b, url: "rtsp://a", fallback: ["rtsp://b", 5, "hunter2://c"] }]\n`,
    [
      "FILE:1:66 ingests[0].fallback[1]: expected an rtmp, rtmps, rtsp, http or https URL, or exec: and a command line",
      "FILE:1:69 ingests[0].fallback[2]: is not valid: expected rtmp://, rtmps://, rtsp://, http://, https:// or exec:",
    ],
  ],
  [
    "command lines without ingest.allowExec",
    `ingests:
- { stream: a/a, url: "rtsp://a", enabled: false }
- { stream: a/b, url: "exec:x hunter2", fallback: ["rtsp://b", "exec:y"] }
`,
    [
      "FILE:3:23 ingests[1].url: an exec: line needs ingest.allowExec: true",
      "FILE:3:64 ingests[1].fallback[1]: an exec: line needs ingest.allowExec: true",
    ],
  ],
  [
    "a section instead of a list",
    `ingests: { stream: a/b }\n`,
    ["FILE:1:10 ingests: expected a list of ingests, got a section"],
  ],
  ["a text instead of a list", `ingests: hunter2\n`, ["FILE:1:10 ingests: expected a list of ingests"]],
  [
    "an alias that never ends",
    `ingests: [{ stream: a/b, url: "rtsp://a", fallback: &x [*x] }]\n`,
    [
      "FILE:1:57 ingests[0].fallback[0]: expected an rtmp, rtmps, rtsp, http or https URL, or exec: and a command line",
    ],
  ],
  [
    "lock nodes of a wrong number",
    `redis: { url: "redis://a", lockNodes: ["redis://:hunter2@a"] }\ncluster: { key: ${KEY} }\n`,
    ["FILE:1:39 redis.lockNodes: expected a list of no, three or five URLs of different servers"],
  ],
  [
    "lock nodes of one server",
    `redis: { url: "redis://a", lockNodes: ["redis://:hunter2@a", "redis://x:y@A:6379/1", "redis://b"] }\ncluster: { key: ${KEY} }\n`,
    ["FILE:1:39 redis.lockNodes: expected a list of no, three or five URLs of different servers"],
  ],
  [
    "lock nodes that are no masters",
    `redis: { url: "redis://a", lockNodes: ["redis://a", "redis-cluster://:hunter2@b", "redis://c"] }\ncluster: { key: ${KEY} }\n`,
    ["FILE:1:53 redis.lockNodes[1]: expected a redis:// or rediss:// URL"],
  ],
  [
    "lock nodes without a registry",
    `redis: { lockNodes: ["redis://a", "redis://b", "redis://c"] }\n`,
    ["FILE:1:21 redis.lockNodes: needs redis.url: lock nodes hold leases, and nothing else of the fleet"],
  ],
  [
    "the longest pause below the shortest",
    "ingest: { retryMin: 5s, retryMax: 1s }\n",
    ["FILE:1:35 ingest.retryMax: must not be below ingest.retryMin"],
  ],
];

for (const [name, text, problems] of WRONG)
  test(`the problem with ${name}, is told`, () => assert.deepEqual(problemsOf(text), problems));

test("a list in the environment that is none is a problem of the variable", () => {
  assert.deepEqual(problemsOf("name: o1\n", { HOLDFAST_INGESTS: "[{hunter2" }), [
    "HOLDFAST_INGESTS (environment): ingests: expected a list of ingests",
  ]);
  assert.deepEqual(problemsOf("name: o1\n", { HOLDFAST_INGESTS: "[{stream: a/b, url: 'hunter2'}]" }), [
    "HOLDFAST_INGESTS (environment): ingests[0].url: is not valid: expected rtmp://, rtmps://, rtsp://, http://, https:// or exec:",
  ]);
});

test("command lines are allowed where the origin allows them", () => {
  const text = `ingest: { allowExec: true }\ningests: [{ stream: a/b, url: "exec:ffmpeg -f flv -" }]\n`;
  assert.deepEqual(problemsOf(text), []);
});

test("sources and lock nodes are shown without what opens doors", () => {
  const setting = (path: string) => SETTINGS.find((one) => one.path === path) ?? assert.fail(path);
  const ingests = [
    {
      ...STANDARD,
      stream: "live/a",
      url: "rtsp://me:hunter2@cam/1?k=hunter2",
      fallback: ["exec:ffmpeg hunter2"],
    },
  ];
  assert.deepEqual(maskValue(setting("ingests"), ingests), [
    { ...STANDARD, stream: "live/a", url: "rtsp://cam/1?k=***", fallback: ["exec:ffmpeg …"] },
  ]);
  assert.deepEqual(maskValue(setting("redis.lockNodes"), ["redis://:hunter2@a:6379"]), [
    "redis://:********@a:6379",
  ]);
});
