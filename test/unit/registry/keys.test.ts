import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { format } from "prettier";
import { renderKeys } from "../../../scripts/render-keys.ts";
import { leaseOf, nextLeaseOf, PLANNER_LEASE, readyLeaseOf } from "../../../src/domain/ingest.ts";
import type { StreamKey } from "../../../src/domain/stream-key.ts";
import { encodeOrigin } from "../../../src/registry/codec.ts";
import { KEY_TABLE } from "../../../src/registry/key-table.ts";
import { keysOf } from "../../../src/registry/keys.ts";
import { SCRIPT_NAMES, loadScripts } from "../../../src/registry/scripts.ts";

const keys = keysOf("{x}");
const KEY = "<key>" as StreamKey;
const entry = (pattern: string) => KEY_TABLE.find((row) => row.pattern === pattern);

test("docs/redis-keys.md says what the table says", async () => {
  const text = await format(renderKeys(), { parser: "markdown", printWidth: 110 });
  assert.equal(readFileSync("docs/redis-keys.md", "utf8"), text, "run node --import tsx scripts/keys-doc.ts");
});

test("every name that can be built is in the table, and the other way round", () => {
  const built = [
    keys.origins,
    keys.epoch,
    keys.boot,
    keys.events,
    keys.origin("<name>"),
    keys.stream("<key>"),
    keys.ingest("<key>"),
    keys.held("<name>"),
    keys.lost("<name>", 0).replace("@0", "@<epoch>"),
    keys.kicks("<name>", 0).replace("@0", "@<epoch>"),
    keys.buried("<name>", 0).replace("@0", "@<epoch>"),
    keys.notify("<name>"),
    keys.ingests,
    keys.plan,
    // Leases have names of their own.
    ...[leaseOf(KEY), nextLeaseOf(KEY), readyLeaseOf(KEY), PLANNER_LEASE].map((name) => keys.root + name),
  ];
  assert.equal(Object.keys(keys).length, built.length - 4 + 1, "root is the only other name");
  assert.deepEqual(built.sort(), KEY_TABLE.map(({ pattern }) => `${keys.root}${pattern}`).sort());
});

test("all keys of a fleet share one hash tag", () => {
  for (const { pattern } of KEY_TABLE) assert.ok(`${keys.root}${pattern}`.startsWith("{x}:"));
});

test("the table names every script that touches a key, and only real ones", () => {
  const named = new Set(KEY_TABLE.flatMap(({ writtenBy, readBy }) => [...writtenBy, ...readBy]));
  for (const name of SCRIPT_NAMES) assert.ok(named.has(name), `${name} is in the table`);
  const scripts: readonly string[] = SCRIPT_NAMES;
  for (const name of named)
    if (/^[a-z]+(-[a-z]+)+$/.test(name)) assert.ok(scripts.includes(name), `${name} is a script`);
});

for (const { name, keys: count, lua } of loadScripts())
  test(`${name}-${count}.lua touches the keys that the table says`, () => {
    for (const { pattern, writtenBy, readBy } of KEY_TABLE) {
      const word = pattern.replace(/:.*/, ":");
      const used = lua.includes(`{holdfast}:${word}`) || lua.includes(`root .. "${word}`);
      assert.equal(used, writtenBy.includes(name) || readBy.includes(name), pattern);
    }
  });

test("the fields that are written are the fields of the table", () => {
  const scripts = new Map(loadScripts().map(({ name, lua }) => [name, lua]));
  const claim = /"HSET", stream_key, ([^]+?)\)\n/.exec(scripts.get("stream-claim") ?? "")?.[1] ?? "";
  const written = [...claim.matchAll(/"(\w+)",/g)].map((match) => match[1]);
  assert.deepEqual(written.sort(), Object.keys(entry("stream:<key>")?.fields ?? {}).sort());

  const addresses = { rtmp: "", http: "", relay: "", peer: "" };
  const origin = { name: "", host: "", instance: "", ...addresses, weight: 1, version: "" };
  const fields = encodeOrigin({ ...origin, state: "up" }).filter((_, index) => index % 2 === 0);
  const all = [...fields, "name", "instance", "epoch", "since", "wish"];
  assert.match(scripts.get("origin-wish") ?? "", /"HSET", origin_key, "wish", /);
  assert.deepEqual(all.sort(), Object.keys(entry("origin:<name>")?.fields ?? {}).sort());
});
