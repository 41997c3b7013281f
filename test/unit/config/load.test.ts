import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { nameOf } from "../../../src/config/schema.ts";
import { SETTINGS } from "../../../src/config/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const KEY = "0123456789abcdef";

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("without any source every setting has its default", () => {
  const { config, sources, warnings } = loadConfig({ env: {} });
  assert.equal(config.name, nameOf(hostname()));
  assert.equal(config.lease.ttl, 5_000);
  assert.equal(config.gop.maxBytes, 16 * 1_048_576);
  assert.deepEqual(
    [...sources.keys()],
    SETTINGS.map(({ path }) => path),
  );
  assert.ok([...sources.values()].every((source) => source === "default"));
  assert.deepEqual(warnings, []);
});

test("the default name is allowed whatever the host is called", () => {
  const names = ["host-1.example", "Jo's machine", "-x", "ünï", "", "a".repeat(100)].map(nameOf);
  assert.deepEqual(names, ["host-1.example", "Jo-s-machine", "x", "n-", "origin", "a".repeat(63)]);
  for (const name of names) assert.equal(loadConfig({ env: {}, flags: { name } }).config.name, name);
});

test("flags win over the environment, the environment over the file, the file over defaults", () => {
  const file = write("order.yml", "rtmp:\n  port: 1\n  chunkSize: 4096\nhttp:\n  port: 2\napi:\n  port: 3\n");
  const { config, sources } = loadConfig({
    file,
    env: { HOLDFAST_RTMP__PORT: "11", HOLDFAST_HTTP__PORT: "12" },
    flags: { "rtmp.port": "21", "api.port": undefined },
  });
  assert.deepEqual(
    [config.rtmp.port, config.http.port, config.api.port, config.rtmp.chunkSize, config.weight],
    [21, 12, 3, 4096, 1],
  );
  assert.equal(sources.get("rtmp.port"), "--rtmp-port (flag)");
  assert.equal(sources.get("http.port"), "HOLDFAST_HTTP__PORT (environment)");
  assert.equal(sources.get("api.port"), `${file}:7:9`);
  assert.equal(sources.get("weight"), "default");
});

test("every setting has a variable and a flag of its own", () => {
  for (const key of ["variable", "flag"] as const)
    assert.equal(new Set(SETTINGS.map((setting) => setting[key])).size, SETTINGS.length);
});

test("the environment gives numbers, truths, durations, lists and names with humps", () => {
  const { config } = loadConfig({
    env: {
      HOLDFAST_WEIGHT: "0.5",
      HOLDFAST_LEASE__RENEW_EVERY: "250ms",
      HOLDFAST_VHOSTS: "a.example.com, b.example.com",
      HOLDFAST_LIMITS__CHUNK_STREAMS_BEFORE_PUBLISH: "4",
      HOLDFAST_METRICS__PER_STREAM: "true",
      HOLDFAST_NAME: "",
      OTHER: "x",
    },
  });
  assert.equal(config.weight, 0.5);
  assert.equal(config.lease.renewEvery, 250);
  assert.deepEqual(config.vhosts, ["a.example.com", "b.example.com"]);
  assert.equal(config.limits.chunkStreamsBeforePublish, 4);
  assert.equal(config.metrics.perStream, true);
  assert.equal(config.name, nameOf(hostname()));
});

test("a secret is read from a file, without the newline at its end", () => {
  const { config, sources } = loadConfig({
    env: {
      HOLDFAST_CLUSTER__KEY_FILE: write("key", `${KEY}\n`),
      HOLDFAST_REDIS__URL_FILE: write("url", "redis://:secret@localhost:6379\n"),
    },
  });
  assert.equal(config.cluster.key, KEY);
  assert.equal(config.redis.url, "redis://:secret@localhost:6379");
  assert.equal(sources.get("cluster.key"), "HOLDFAST_CLUSTER__KEY_FILE (environment)");
});

test("variables that Kubernetes adds for a service named holdfast are not settings", () => {
  loadConfig({
    env: {
      HOLDFAST_PORT: "tcp://10.0.0.1:1935",
      HOLDFAST_SERVICE_HOST: "10.0.0.1",
      HOLDFAST_SERVICE_PORT: "1935",
      HOLDFAST_SERVICE_PORT_RTMP: "1935",
      HOLDFAST_PORT_1935_TCP: "tcp://10.0.0.1:1935",
      HOLDFAST_PORT_1935_TCP_ADDR: "10.0.0.1",
      HOLDFAST_REDIS_PORT: "tcp://10.0.0.2:6379",
    },
  });
});

test("HOLDFAST_CONFIG names the file, an explicit file wins", () => {
  const one = write("one.yml", "name: one\n");
  const two = write("two.yml", "name: two\n");
  assert.equal(loadConfig({ env: { HOLDFAST_CONFIG: one } }).config.name, "one");
  assert.equal(loadConfig({ file: two, env: { HOLDFAST_CONFIG: one } }).config.name, "two");
});

test("an empty file and empty sections mean defaults", () => {
  const empty = write("empty.yml", "# nothing yet\n");
  assert.deepEqual(loadConfig({ file: empty, env: {} }).warnings, [
    `${empty} is empty: every setting has its default`,
  ]);
  const section = write("section.yml", "redis:\n  # url: redis://localhost\nname: o1\n");
  assert.equal(loadConfig({ file: section, env: {} }).config.name, "o1");
});

test("anchors, aliases, JSON and a byte order mark are understood", () => {
  const yaml = write("alias.yml", "rtmp: &a { port: 5 }\nvhosts: [&v x]\nname: *v\n");
  assert.equal(loadConfig({ file: yaml, env: {} }).config.name, "x");
  const json = write("a.json", '\uFEFF{"name": "o2", "lease": {"ttl": "10s"}}');
  assert.equal(loadConfig({ file: json, env: {} }).config.lease.ttl, 10_000);
});

test("the result cannot be changed", () => {
  const { config } = loadConfig({ env: { HOLDFAST_VHOSTS: "a" } });
  const frozen = (value: unknown): boolean =>
    value === null ||
    typeof value !== "object" ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  assert.ok(frozen(config));
});

test("a secret on the command line is warned about", () => {
  const { warnings } = loadConfig({
    env: { HOLDFAST_CLUSTER__KEY: KEY },
    flags: { "redis.url": "redis://:secret@localhost" },
  });
  assert.deepEqual(warnings, [
    "--redis-url shows a secret in the list of processes; HOLDFAST_REDIS__URL or HOLDFAST_REDIS__URL_FILE do not",
  ]);
  const plain = loadConfig({
    env: { HOLDFAST_CLUSTER__KEY: KEY },
    flags: { "redis.url": "redis://localhost" },
  });
  assert.deepEqual(plain.warnings, []);
});
