import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  readonly name: string;
  readonly file?: string | Buffer;
  readonly env?: Record<string, string>;
  readonly flags?: Record<string, unknown>;
  /** Complete lines; `FILE` and `DIR` stand for the file and its folder. */
  readonly problems: readonly string[];
}

const KEY = "0123456789abcdef";

const CASES: readonly Case[] = [
  {
    name: "a number out of its range",
    file: "rtmp:\n  port: 70000\n",
    problems: ["FILE:2:9 rtmp.port: expected a whole number from 0 to 65535, got 70000"],
  },
  {
    name: "a number written as a text",
    file: 'rtmp:\n  port: "1935"\n',
    problems: ['FILE:2:9 rtmp.port: expected a whole number from 0 to 65535, got "1935"'],
  },
  {
    name: "a fraction where a whole number is wanted",
    file: "rtmp: { port: 1.5 }\n",
    problems: ["FILE:1:15 rtmp.port: expected a whole number from 0 to 65535, got 1.5"],
  },
  {
    name: "numbers that are not finite",
    file: "weight: .nan\nhttp: { port: .inf }\n",
    problems: [
      "FILE:1:9 weight: expected a number from 0 to 1000, got NaN",
      "FILE:2:15 http.port: expected a whole number from 0 to 65535, got Infinity",
    ],
  },
  {
    name: "a duration without a unit",
    file: "lease:\n  ttl: 5000\n",
    problems: ["FILE:2:8 lease.ttl: expected a duration from 1s to 5m, such as 5s, got 5000"],
  },
  {
    name: "a duration out of its range",
    file: "lease:\n  ttl: 10ms\n",
    problems: ['FILE:2:8 lease.ttl: expected a duration from 1s to 5m, such as 5s, got "10ms"'],
  },
  {
    name: "a message that is longer than RTMP and FLV can say",
    file: "limits:\n  messageAfterPublish: 17MB\n",
    problems: [
      'FILE:2:24 limits.messageAfterPublish: expected a size from 64KB to 16MB, such as 16MB, got "17MB"',
    ],
  },
  {
    name: "a size with an unknown unit",
    file: "gop:\n  maxBytes: 16M\n",
    problems: ['FILE:2:13 gop.maxBytes: expected a size from 0B to 1GB, such as 16MB, got "16M"'],
  },
  {
    name: "a word that is not one of the choices",
    file: "play:\n  remote: redirects\n",
    problems: ['FILE:2:11 play.remote: expected auto, redirect or relay, got "redirects"'],
  },
  {
    name: "YAML's yes for a choice",
    file: "srs:\n  coworker: true\n",
    problems: ["FILE:2:13 srs.coworker: expected on or off, got true"],
  },
  {
    name: "a word for true or false",
    file: "metrics:\n  perStream: yes\n",
    env: { HOLDFAST_METRICS__PER_STREAM: "on" },
    problems: [
      'FILE:2:14 metrics.perStream: expected true or false, got "yes"',
      'HOLDFAST_METRICS__PER_STREAM (environment): metrics.perStream: expected true or false, got "on"',
    ],
  },
  {
    name: "a list where one value is wanted",
    file: "bind: [0.0.0.0, '::']\n",
    problems: ["FILE:1:7 bind: expected a text, got a list"],
  },
  {
    name: "a section where one value is wanted",
    file: "name:\n  first: o1\n",
    problems: ["FILE:2:3 name: expected 1 to 63 letters, digits, dots, dashes or underscores, got a section"],
  },
  {
    name: "one value where a section is wanted, without repeating what may be a secret",
    file: "redis: redis://:hunter2@localhost\n",
    problems: [
      "FILE:1:1 redis: expected a section with url, lockNodes, prefix, commandTimeout, connectTimeout",
    ],
  },
  {
    name: "one value where a list is wanted",
    file: "vhosts: example.com\n",
    problems: ['FILE:1:9 vhosts: expected a list of texts, got "example.com"'],
  },
  {
    name: "wrong items of a list, each at its place",
    file: "vhosts:\n  - a\n  - 5\n  - ''\n",
    problems: ["FILE:3:5 vhosts[1]: expected a text, got 5", 'FILE:4:5 vhosts[2]: expected a text, got ""'],
  },
  {
    name: "a key without a value",
    file: "rtmp:\n  port:\nname: ~\n",
    problems: [
      "FILE:2:3 rtmp.port: has no value; expected a whole number from 0 to 65535, or leave the line out",
      "FILE:3:1 name: has no value; expected 1 to 63 letters, digits, dots, dashes or underscores, or leave the line out",
    ],
  },
  {
    name: "a slip of the pen",
    file: "rtmp:\n  prot: 1935\n",
    problems: ["FILE:2:3 rtmp.prot: is not a setting; did you mean rtmp.port?"],
  },
  {
    name: "capital letters in the wrong place",
    file: "lease: { renewevery: 1s }\n",
    problems: ["FILE:1:10 lease.renewevery: is not a setting; did you mean lease.renewEvery?"],
  },
  {
    name: "a setting in the wrong section",
    file: "redisUrl: redis://localhost\nttl: 5s\n",
    problems: [
      "FILE:1:1 redisUrl: is not a setting; did you mean redis.url?",
      "FILE:2:1 ttl: is not a setting; did you mean lease.ttl?",
    ],
  },
  {
    name: "an unknown key that looks like nothing",
    file: "gop:\n  banana: 1\n",
    problems: ["FILE:2:3 gop.banana: is not a setting; allowed here: maxBytes, maxDuration, maxTotal"],
  },
  {
    name: "a merge key, and keys that JavaScript treats specially",
    file: "rtmp:\n  <<: { port: 1 }\n  __proto__: 1\n",
    problems: [
      "FILE:2:3 rtmp.<<: is not a setting; allowed here: port, chunkSize, windowAckSize",
      "FILE:3:3 rtmp.__proto__: is not a setting; allowed here: port, chunkSize, windowAckSize",
    ],
  },
  {
    name: "a key given twice",
    file: "rtmp:\n  port: 1\n  chunkSize: 4096\n  port: 2\n",
    problems: ["FILE:4:3 rtmp.port: is given twice, first at FILE:2:3"],
  },
  {
    name: "an alias without an anchor",
    file: "rtmp:\n  port: *port\n",
    problems: ["FILE:2:9 rtmp.port: the alias *port has no anchor"],
  },
  {
    name: "a tab as indentation",
    file: "rtmp:\n\tport: 1935\n",
    problems: ["FILE:2:1: YAML: Tabs are not allowed as indentation"],
  },
  {
    name: "a bracket that is not closed",
    file: "vhosts: [a, b\n",
    problems: [
      "FILE:2:1: YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
  },
  {
    name: "an unknown tag",
    file: "name: !secret o1\n",
    problems: ["FILE:1:7: YAML: Unresolved tag"],
  },
  {
    name: "lines that are no YAML, without repeating them",
    file: "key: a\nhunter2 hunter2\nb: c\n",
    problems: ["FILE:2:1: YAML: Implicit keys need to be on a single line"],
  },
  {
    name: "text after a complete value, without repeating it",
    file: 'cluster:\n  key: "a" hunter2\n',
    problems: ["FILE:2:12: YAML: Unexpected scalar at node end"],
  },
  {
    name: "another kind of file",
    file: '# redis.conf\nport 6379\nrequirepass hunter2\nsave ""\n# end\nbind *\nuser: hunter2\n',
    problems: [
      "FILE:6:1: YAML: Unexpected scalar token in YAML stream",
      "FILE:6:12: YAML: Unexpected map-value-ind token in YAML stream",
      "FILE:6:14: YAML: Unexpected scalar token in YAML stream",
    ],
  },
  {
    name: "two documents in one file",
    file: "name: a\n---\nname: b\n",
    problems: ["FILE:2:1: YAML: expected one document"],
  },
  {
    name: "a list instead of settings",
    file: "- name: o1\n",
    problems: ["FILE:1:1: expected settings as `key: value`"],
  },
  {
    name: "brackets nested without end",
    file: `vhosts: ${"[".repeat(100_000)}`,
    problems: ["FILE: nests brackets deeper than 32"],
  },
  {
    name: "a file that is too large",
    file: Buffer.alloc(8 * 1_048_576 + 1, "#"),
    problems: ["FILE: is larger than 8MB, which no configuration is"],
  },
  {
    name: "a file that is not text",
    file: Buffer.from([0x6e, 0xff, 0xfe, 0x00]),
    problems: ["FILE: is not UTF-8 text"],
  },
  {
    name: "rules between settings, each at the setting to change",
    file: "lease:\n  ttl: 2s\n  renewEvery: 1s\nredis:\n  commandTimeout: 1500ms\n",
    problems: [
      "FILE:3:15 lease.renewEvery: must be at most a third of lease.ttl",
      "FILE:5:19 redis.commandTimeout: must be at most half of lease.ttl",
    ],
  },
  {
    name: "a read window in which a healthy source would seem silent",
    file: "publish:\n  maxWindow: 500ms\n  stall: 900ms\nrelay:\n  stallTimeout: 999ms\n",
    problems: [
      "FILE:2:14 publish.maxWindow: must be at most half of publish.stall: a source that waits to be read seems silent",
      "FILE:2:14 publish.maxWindow: must be at most half of relay.stallTimeout: a source that waits to be read seems silent",
    ],
  },
  {
    name: "a rule broken by a setting that is not given: named where the other one stands",
    file: "redis:\n  url: redis://localhost:6379\nlease:\n  ttl: 1s\n",
    problems: [
      "FILE:2:8 cluster.key: is required with redis.url: every origin of a fleet needs the same key",
      "FILE:4:8 lease.renewEvery: must be at most a third of lease.ttl",
    ],
  },
  {
    name: "no rule is reported about a setting that is wrong itself",
    file: "lease:\n  ttl: 5 seconds\n  renewEvery: 4s\n",
    problems: ['FILE:2:8 lease.ttl: expected a duration from 1s to 5m, such as 5s, got "5 seconds"'],
  },
  {
    name: "RTMPS by halves",
    file: "rtmps:\n  port: 1936\n",
    problems: [
      "FILE:2:9 rtmps.cert: is missing: rtmps.port, rtmps.cert and rtmps.key belong together",
      "FILE:2:9 rtmps.key: is missing: rtmps.port, rtmps.cert and rtmps.key belong together",
    ],
  },
  {
    name: "ports that clash",
    file: "http:\n  port: 1935\napi:\n  port: 1935\n",
    problems: [
      "FILE:2:9 http.port: must differ from rtmp.port",
      "FILE:4:9 api.port: must differ from rtmp.port and http.port",
    ],
  },
  {
    name: "an API beyond loopback without a token",
    file: "api:\n  bind: 0.0.0.0\n",
    problems: ["FILE:2:9 api.bind: must be a loopback address while api.token is not set"],
  },
  {
    name: "secrets that are too short, without showing them",
    file: "cluster:\n  key: hunter2\napi:\n  token: [hunter2]\n",
    problems: [
      "FILE:2:8 cluster.key: expected at least 16 characters",
      "FILE:4:10 api.token: expected at least 16 characters, got a list",
    ],
  },
  {
    name: "a Redis URL of another kind, without showing it",
    file: `redis:\n  url: http://:hunter2@localhost\ncluster: { key: ${KEY} }\n`,
    problems: ["FILE:2:8 redis.url: expected redis://, rediss://, redis-sentinel:// or redis-cluster://"],
  },
  {
    name: "a URL with a password in a place where none is expected",
    file: "bind: 5\nname: redis://me:hunter2@localhost\n",
    problems: [
      "FILE:1:7 bind: expected a text, got 5",
      'FILE:2:7 name: expected 1 to 63 letters, digits, dots, dashes or underscores, got "redis://me:********@localhost"',
    ],
  },
  {
    name: "an advertised address without a port, and one with an impossible port",
    file: "advertise:\n  rtmp: media.example.com\n  http: media.example.com:99999\n",
    problems: [
      'FILE:2:9 advertise.rtmp: expected HOST:PORT (with {hostname} or {name} where wanted), got "media.example.com"',
      'FILE:3:9 advertise.http: expected HOST:PORT (with {hostname} or {name} where wanted), got "media.example.com:99999"',
    ],
  },
  {
    name: "a wrong value in the environment",
    env: { HOLDFAST_RTMP__PORT: "many" },
    problems: [
      'HOLDFAST_RTMP__PORT (environment): rtmp.port: expected a whole number from 0 to 65535, got "many"',
    ],
  },
  {
    name: "a variable with one underscore too few",
    env: { HOLDFAST_REDIS_URL: "redis://localhost" },
    problems: ["HOLDFAST_REDIS_URL (environment): is not a setting; did you mean HOLDFAST_REDIS__URL?"],
  },
  {
    name: "a variable without its humps",
    env: { HOLDFAST_LEASE__RENEWEVERY: "1s" },
    problems: [
      "HOLDFAST_LEASE__RENEWEVERY (environment): is not a setting; did you mean HOLDFAST_LEASE__RENEW_EVERY?",
    ],
  },
  {
    name: "a variable that looks like nothing",
    env: { HOLDFAST_BANANA: "1" },
    problems: ["HOLDFAST_BANANA (environment): is not a setting; `holdfast config show` lists the settings"],
  },
  {
    name: "files of secrets that are missing or empty",
    env: { HOLDFAST_CLUSTER__KEY_FILE: "DIR/nowhere", HOLDFAST_API__TOKEN_FILE: "/dev/null" },
    problems: [
      "HOLDFAST_CLUSTER__KEY_FILE (environment): cluster.key: DIR/nowhere cannot be read: there is no such file",
      "HOLDFAST_API__TOKEN_FILE (environment): api.token: /dev/null is empty",
    ],
  },
  {
    name: "a secret given directly and by a file",
    env: { HOLDFAST_CLUSTER__KEY: KEY, HOLDFAST_CLUSTER__KEY_FILE: "FILE" },
    file: "name: o1\n",
    problems: [
      "HOLDFAST_CLUSTER__KEY (environment): cluster.key: is given twice, also by HOLDFAST_CLUSTER__KEY_FILE",
    ],
  },
  {
    name: "a file variable for a setting that is a file already",
    env: { HOLDFAST_RTMPS__KEY_FILE: "/tls/key.pem" },
    problems: [
      "HOLDFAST_RTMPS__KEY_FILE (environment): rtmps.key: is the path of a file already: use HOLDFAST_RTMPS__KEY",
    ],
  },
  {
    name: "wrong values of flags",
    flags: { "rtmp.port": "x", "lease.ttl": 5, banana: 1, "rtmp.prot": 1 },
    problems: [
      "banana (flag): is not a setting",
      "rtmp.prot (flag): is not a setting",
      '--rtmp-port (flag): rtmp.port: expected a whole number from 0 to 65535, got "x"',
      "--lease-ttl (flag): lease.ttl: expected a duration from 1s to 5m, such as 5s, got 5",
    ],
  },
  {
    name: "everything at once, also where a better value wins",
    file: "rtmp:\n  port: none\n  banana: 1\n",
    env: { HOLDFAST_WEIGHT: "heavy", HOLDFAST_RTMP__PORT: "1936" },
    flags: { "http.port": -1 },
    problems: [
      'FILE:2:9 rtmp.port: expected a whole number from 0 to 65535, got "none"',
      "FILE:3:3 rtmp.banana: is not a setting; allowed here: port, chunkSize, windowAckSize",
      'HOLDFAST_WEIGHT (environment): weight: expected a number from 0 to 1000, got "heavy"',
      "--http-port (flag): http.port: expected a whole number from 0 to 65535, got -1",
    ],
  },
];

for (const { name, file, env = {}, flags, problems } of CASES) {
  test(`a configuration is refused: ${name}`, () => {
    const path = join(folder, "holdfast.yml");
    if (file !== undefined) writeFileSync(path, file);
    const fill = (text: string) => text.replaceAll("FILE:", `${path}:`).replaceAll("DIR/", `${folder}/`);
    const filled = Object.fromEntries(
      Object.entries(env).map(([key, value]) => [key, value === "FILE" ? path : fill(value)]),
    );
    const error = refusal(() =>
      loadConfig({ file: file === undefined ? undefined : path, env: filled, flags }),
    );
    assert.deepEqual(error.context["problems"], problems.map(fill));
    for (const problem of problems) assert.ok(error.message.includes(fill(problem)));
    assert.doesNotMatch(error.message, /hunter2/);
  });
}

test("a file that is not there and a folder are named", () => {
  const gone = join(folder, "gone.yml");
  assert.deepEqual(refusal(() => loadConfig({ file: gone, env: {} })).context["problems"], [
    `${gone}: cannot be read: there is no such file`,
  ]);
  assert.deepEqual(refusal(() => loadConfig({ env: { HOLDFAST_CONFIG: folder } })).context["problems"], [
    `${folder}: cannot be read: it is a directory`,
  ]);
});

test("aliases that would expand without end cost nothing", () => {
  const path = join(folder, "bomb.yml");
  const levels = Array.from({ length: 40 }, (_, at) => `l${at}: &l${at} [*l${at - 1}, *l${at - 1}]`);
  writeFileSync(path, `vhosts: &l-1 [a, a]\n${levels.join("\n")}\n`);
  const { context } = refusal(() => loadConfig({ file: path, env: {} }));
  assert.equal((context["problems"] as string[]).length, 40);
});

function refusal(action: () => unknown): HoldfastError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, "CONFIG_INVALID");
    return error;
  }
  assert.fail("the configuration was accepted");
}
