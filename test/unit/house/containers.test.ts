import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parse } from "yaml";
import { loadConfig } from "../../../src/config/load.ts";

const ROOT = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const folder = mkdtempSync(join(tmpdir(), "holdfast-image-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Service {
  readonly build?: string;
  readonly image?: string;
  readonly container_name?: string;
  readonly environment?: Record<string, string>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Record<string, { readonly condition: string }>;
  readonly healthcheck?: unknown;
  readonly restart?: string;
}

const compose = parse(read("docker-compose.yml")) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const instructions = read("Dockerfile")
  .split("\n")
  .filter((line) => /^[A-Z]+ /.test(line))
  .map((line) => ({ name: line.split(" ")[0] ?? "", rest: line.slice(line.indexOf(" ") + 1) }));
const lastStage = instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));
const value = (name: string) => lastStage.find((one) => one.name === name)?.rest ?? "";
/** What the build stage copies from the repository, and where to. */
const copies = instructions
  .filter(({ name, rest }) => name === "COPY" && !rest.startsWith("--from="))
  .map(({ rest }) => rest.split(" "));

test("the image runs as nobody special, is stopped by SIGTERM and says whether it lives", () => {
  assert.equal(value("USER"), "node");
  assert.equal(value("STOPSIGNAL"), "SIGTERM");
  assert.match(value("HEALTHCHECK"), /\/livez/);
  for (const name of ["ENTRYPOINT", "CMD"]) assert.ok(Array.isArray(JSON.parse(value(name))), name);
});

test("the image offers the ports of the defaults", () => {
  const { rtmp, http, api } = loadConfig({ env: {} }).config;
  assert.equal(value("EXPOSE"), [rtmp.port, http.port, api.port].join(" "));
  assert.match(value("HEALTHCHECK"), new RegExp(`HOLDFAST_HTTP__PORT \\|\\| ${http.port}`));
});

test("everything that the image copies exists and is let through by .dockerignore", () => {
  const ignore = read(".dockerignore").split("\n");
  for (const source of copies.flatMap((words) => words.slice(0, -1))) {
    assert.ok(existsSync(join(ROOT, source)), source);
    const allowed = ignore.some((line) =>
      [`!${source}`, `!${source}/`, `!${source.split("/")[0]}/`].includes(line),
    );
    assert.ok(allowed, `${source} is not allowed by .dockerignore`);
  }
});

test("the image builds from what it copies and nothing else", () => {
  for (const words of copies) {
    const target = words.at(-1) ?? "";
    for (const source of words.slice(0, -1)) {
      const to = target.endsWith("/")
        ? join(folder, target, source.split("/").at(-1) ?? "")
        : join(folder, target);
      cpSync(join(ROOT, source), to, { recursive: true });
    }
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: folder });
  const { version } = JSON.parse(read("package.json")) as { version: string };
  assert.equal(
    execFileSync(process.execPath, ["dist/cli.js", "--version"], { cwd: folder, encoding: "utf8" }).trim(),
    version,
  );
});

test("compose: no reference leads nowhere, and origins can be scaled", () => {
  const { services, volumes } = compose;
  for (const [name, service] of Object.entries(services)) {
    assert.equal(service.container_name, undefined, name);
    assert.doesNotMatch(service.image ?? "", /:latest$|^[^:]*$/, name);
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      assert.ok(services[needed], `${name} needs ${needed}`);
      if (condition === "service_healthy") assert.ok(services[needed].healthcheck, needed);
      if (condition === "service_completed_successfully")
        assert.equal(services[needed].restart, undefined, needed);
    }
    for (const volume of service.volumes ?? []) {
      const source = volume.split(":")[0] ?? "";
      assert.ok(source.startsWith("./") ? existsSync(join(ROOT, source)) : source in volumes, volume);
    }
  }
  for (const port of services["origin"]?.ports ?? [])
    assert.match(port, /^\d+$/, "a fixed port cannot be scaled");
});

test("compose: every variable of an origin is a setting, and together they are valid", () => {
  const { origin } = compose.services;
  const key = join(folder, "cluster-key");
  writeFileSync(key, "a".repeat(64));
  const env = { ...origin?.environment };
  const keyFile = env["HOLDFAST_CLUSTER__KEY_FILE"] ?? "";
  assert.ok(
    origin?.volumes?.some((volume) => keyFile.startsWith(`${volume.split(":")[1]}/`)),
    keyFile,
  );
  const { config } = loadConfig({ env: { ...env, HOLDFAST_CLUSTER__KEY_FILE: key } });
  const host = new URL(config.redis.url ?? "").hostname;
  assert.ok(compose.services[host], `the registry ${host} is a service`);
  assert.deepEqual(origin?.ports, [String(config.rtmp.port), String(config.http.port)]);
});

test("compose: the key maker's command makes a key once", () => {
  const [script = ""] = (compose.services["cluster-key"] as { command: string[] }).command;
  const here = script.replaceAll("/keys/", `${folder}/`);
  rmSync(join(folder, "cluster-key"), { force: true });
  execFileSync("sh", ["-c", here]);
  const key = readFileSync(join(folder, "cluster-key"), "utf8");
  assert.match(key, /^[0-9a-f]{64}$/);
  execFileSync("sh", ["-c", here]);
  assert.equal(readFileSync(join(folder, "cluster-key"), "utf8"), key);
});
