import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CommanderError } from "commander";
import { configCommand } from "../../../src/commands/config.ts";
import { SETTINGS } from "../../../src/config/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const good = join(folder, "good.yml");
const bad = join(folder, "bad.yml");
writeFileSync(good, "name: o1\nredis:\n  url: redis://me:hunter2@localhost:6379\nlease: { ttl: 10s }\n");
writeFileSync(bad, "rtmp: { port: none }\nbanana: 1\n");
const env = { HOLDFAST_CLUSTER__KEY: "hunter2 hunter2 hunter2" };

function run(args: readonly string[], environment: Record<string, string> = env) {
  const printed: string[] = [];
  let code = 0;
  const command = configCommand({
    env: environment,
    print: (text) => void printed.push(text),
    exit: (given) => void (code = given),
  }).exitOverride();
  for (const one of command.commands) one.exitOverride().configureOutput({ writeErr: () => undefined });
  command.parse(args, { from: "user" });
  return { code, text: printed.join("\n") };
}

test("valid settings are said to be so", () => {
  assert.deepEqual(run(["check", good]), { code: 0, text: "the settings are valid" });
  const { text } = run(["check", good, "-o", "json"]);
  assert.deepEqual(JSON.parse(text), { valid: true, problems: [], warnings: [] });
});

test("every problem is printed and the exit code is 1", () => {
  const problems = [
    `${bad}:1:15 rtmp.port: expected a whole number from 0 to 65535, got "none"`,
    `${bad}:2:1 banana: is not a setting; allowed here: `,
  ];
  const { code, text } = run(["check", bad]);
  assert.equal(code, 1);
  const lines = text.split("\n");
  assert.equal(lines.length, 2);
  for (const [at, line] of lines.entries()) assert.ok(line.startsWith(problems[at] ?? "?"), line);
  const json = run(["check", bad, "-o", "json"]);
  assert.equal(json.code, 1);
  assert.deepEqual(JSON.parse(json.text), { valid: false, problems: lines, warnings: [] });
});

test("the file may come from the environment", () => {
  assert.equal(run(["check"], { HOLDFAST_CONFIG: bad }).code, 1);
  assert.equal(run(["check"], {}).code, 0);
});

test("wrong usage is left to the caller", () => {
  assert.throws(() => run(["check", good, "-o", "xml"]), CommanderError);
  assert.throws(() => run(["check", good, bad]), CommanderError);
});

test("every setting is shown with its value and its source, secrets are masked", () => {
  const { text } = run(["show", good, "-o", "json"]);
  const rows = JSON.parse(text) as { setting: string; value?: unknown; source: string }[];
  assert.deepEqual(
    rows.map(({ setting }) => setting),
    SETTINGS.map(({ path }) => path),
  );
  const row = (path: string) => rows.find(({ setting }) => setting === path);
  assert.deepEqual(row("lease.ttl"), { setting: "lease.ttl", value: "10s", source: `${good}:4:15` });
  assert.deepEqual(row("gop.maxBytes"), { setting: "gop.maxBytes", value: "16MB", source: "default" });
  assert.deepEqual(row("redis.url"), {
    setting: "redis.url",
    value: "redis://me:********@localhost:6379",
    source: `${good}:3:8`,
  });
  assert.deepEqual(row("cluster.key"), {
    setting: "cluster.key",
    value: "********",
    source: "HOLDFAST_CLUSTER__KEY (environment)",
  });
  for (const form of ["json", "table"]) assert.doesNotMatch(run(["show", good, "-o", form]).text, /hunter2/);
});

test("the table has one line per setting", () => {
  const lines = run(["show", good]).text.split("\n");
  assert.equal(lines.length, SETTINGS.length + 1);
  assert.match(lines.find((line) => line.startsWith("name")) ?? "", /^name +o1 +\S+good\.yml:1:7$/);
});

test("sections are shown by name, in JSON whole and without credentials", () => {
  const ingests =
    '[{"stream":"live/a","url":"rtsp://me:hunter2@cam/1"},{"stream":"live/b","url":"rtsp://b/1","enabled":false}]';
  const nodes = ["a", "b", "c"].map((host) => `redis://:hunter2@${host}`).join(",");
  const environment = {
    ...env,
    HOLDFAST_INGESTS: ingests,
    HOLDFAST_REDIS__URL: "redis://a",
    HOLDFAST_REDIS__LOCK_NODES: nodes,
  };
  const { text } = run(["show"], environment);
  assert.match(text, /^ingests +live\/a +HOLDFAST_INGESTS \(environment\)$/m);
  assert.match(text, /^redis\.lockNodes +redis:\/\/:\*{8}@a, redis:/m);
  const json = run(["show", "-o", "json"], environment).text;
  const rows = JSON.parse(json) as { setting: string; value: unknown }[];
  const shown = rows.find(({ setting }) => setting === "ingests")?.value;
  assert.deepEqual(shown, [
    {
      stream: "live/a",
      url: "rtsp://cam/1",
      captureAt: "",
      weight: 1,
      overlap: false,
      onDemand: false,
      fallback: [],
    },
  ]);
  assert.doesNotMatch(text + json, /hunter2/);
});
