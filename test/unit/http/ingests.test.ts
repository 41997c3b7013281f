import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ConfigInput } from "../../../src/config/schema.ts";
import { leaseOf } from "../../../src/domain/ingest.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { createApiApp } from "../../../src/http/api-app.ts";
import { systemClock } from "../../../src/ops/clock.ts";
import { MemoryLeases } from "../../../src/registry/memory-leases.ts";
import { createMemoryRegistry } from "../../../src/registry/memory-registry.ts";
import { MemoryStore } from "../../../src/registry/memory-store.ts";
import { explainStream } from "../../../src/fleet/explain.ts";
import { logInto, settings } from "./fixtures.ts";

const TOKEN = "a-token-of-sufficient-length";
const PATH = "/api/fleet/v1/ingests";
const CAM = parseStreamKey("live/cam01");
const SECRET_URL = "rtsp://admin:hunter2@cam01/1?key=hunter2";
const MASKED_URL = "rtsp://cam01/1?key=***";

async function build(t: TestContext, config: ConfigInput = {}) {
  const store = new MemoryStore(systemClock);
  const registry = createMemoryRegistry(store);
  const leases = new MemoryLeases(store);
  const lines: string[] = [];
  const { app } = createApiApp({
    config: settings(config),
    version: "0.1.0",
    registry,
    leases,
    lookup: () => Promise.resolve(undefined),
    explain: (key) => explainStream({ registry, leases, clock: systemClock }, key),
    metrics: { contentType: "text/plain", text: () => Promise.resolve("") },
    readiness: () => ({}),
    log: logInto(lines),
  });
  t.after(() => app.close());
  const register = async (name: string, state: "up" | "draining" = "up") => {
    const about = { name, host: name, instance: `of-${name}`, rtmp: "", http: "", relay: "r:1", peer: "p:1" };
    const result = await registry.register(
      { ...about, state, weight: 1, version: "0.1.0" },
      { ttlMs: 60_000, seenToken: 0 },
    );
    assert.ok(result.outcome === "registered");
    return { name, instance: about.instance, epoch: result.epoch };
  };
  const headers: Record<string, string> = config.api?.token ? { authorization: `Bearer ${TOKEN}` } : {};
  const ask = async (
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    body?: object | string,
    type = "application/json",
  ) => {
    const payload =
      body === undefined ? {} : { payload: body, headers: { ...headers, "content-type": type } };
    const response = await app.inject({ method, url: path, headers, ...payload });
    return { status: response.statusCode, body: response.json(), text: response.body };
  };
  return { registry, leases, lines, register, ask };
}

test("an ingest is defined, replaced, shown and removed", async (t) => {
  const { ask, registry } = await build(t);
  const body = {
    url: "rtmp://src/app/x",
    captureAt: "o2",
    weight: 2,
    overlap: true,
    fallback: ["rtsp://b/1"],
  };
  const created = await ask("PUT", `${PATH}/live/cam01`, body);
  assert.equal(created.status, 201);
  assert.deepEqual(created.body, {
    ...body,
    stream: "live/cam01",
    onDemand: false,
    source: "api",
    enabled: true,
    state: "idle",
    owner: "",
    epoch: 0,
    token: 0,
    planned: "",
    moveTo: "",
    profile: 0,
    error: "",
    lastMove: "",
    why: "",
    demandUntil: "",
    marks: [],
    lease: null,
    plan: null,
  });
  const changed = await ask("PUT", `${PATH}/live/cam01`, { url: "rtmp://src/app/y" });
  assert.equal(changed.status, 200);
  assert.deepEqual(
    [changed.body.url, changed.body.captureAt, changed.body.weight],
    ["rtmp://src/app/y", "", 1],
  );
  assert.equal((await ask("GET", `${PATH}/live/cam01`)).body.url, "rtmp://src/app/y");
  assert.deepEqual(
    (await ask("GET", PATH)).body.ingests.map((one: { stream: string }) => one.stream),
    ["live/cam01"],
  );
  assert.deepEqual(await ask("DELETE", `${PATH}/live/cam01`).then(({ status, body }) => [status, body]), [
    202,
    { stream: "live/cam01", wished: "removed" },
  ]);
  assert.deepEqual((await ask("GET", PATH)).body, { ingests: [] });
  assert.equal((await ask("GET", `${PATH}/live/cam01`)).body.code, "INGEST_NOT_FOUND");
  const events = await registry.recentEvents(10);
  assert.deepEqual(
    events.map(({ type, fields }) => `${type} by ${fields["by"]}`),
    ["ingest-defined by api", "ingest-changed by api", "ingest-removed by api"],
  );
});

test("keys with nested apps, with a vhost and with the name of a verb are taken as streams", async (t) => {
  const { ask } = await build(t);
  for (const key of ["a/b/c", "//example.com/live/x", "live/pause", "live/sp%20ace"]) {
    assert.equal((await ask("PUT", `${PATH}/${key}`, { url: "rtsp://a/1" })).status, 201, key);
    const paused = await ask("POST", `${PATH}/${key}/pause`);
    assert.deepEqual([paused.status, paused.body.wished], [202, "paused"], key);
    assert.equal((await ask("GET", `${PATH}/${key}`)).body.state, "paused", key);
    assert.equal((await ask("POST", `${PATH}/${key}/resume`)).body.wished, "resumed", key);
    assert.equal((await ask("GET", `${PATH}/${key}`)).body.enabled, true, key);
  }
});

test("a move names an origin that is alive, and can be taken back", async (t) => {
  const { ask, register } = await build(t);
  await register("o1");
  await register("o2", "draining");
  await ask("PUT", `${PATH}/live/cam01`, { url: "rtsp://a/1" });
  const move = (query: string, key = "live/cam01") => ask("POST", `${PATH}/${key}/move${query}`);
  const moved = await move("?origin=o1");
  assert.deepEqual(
    [moved.status, moved.body],
    [202, { stream: "live/cam01", wished: "moved", origin: "o1" }],
  );
  assert.equal((await ask("GET", `${PATH}/live/cam01`)).body.moveTo, "o1");
  assert.equal((await move("?origin=")).status, 202);
  assert.equal((await ask("GET", `${PATH}/live/cam01`)).body.moveTo, "");
  const refusals = [
    [await move("?origin=o9"), 404, "ORIGIN_NOT_FOUND"],
    [await move("?origin=o2"), 503, "ORIGIN_DRAINING"],
    [await move("?origin=o1", "live/none"), 404, "INGEST_NOT_FOUND"],
    [await move("?origin=a%20b"), 400, "REQUEST_INVALID"],
    [await move(""), 400, "REQUEST_INVALID"],
    [await ask("POST", `${PATH}/live/cam01/stop`), 404, "NOT_FOUND"],
    [await ask("POST", `${PATH}/pause`), 400, "STREAM_NAME_INVALID"],
    [await ask("POST", `${PATH}/live/none/pause`), 404, "INGEST_NOT_FOUND"],
    [await ask("DELETE", `${PATH}/live/none`), 404, "INGEST_NOT_FOUND"],
  ] as const;
  for (const [{ status, body }, expected, code] of refusals)
    assert.deepEqual([status, body.code], [expected, code], body.detail);
});

test("what is wrong with a definition is told, and never repeated", async (t) => {
  const { ask, lines } = await build(t);
  const put = (body: object | string, type?: string) => ask("PUT", `${PATH}/live/cam01`, body, type);
  const wrong: readonly (readonly [object | string, RegExp])[] = [
    [{}, /url/],
    [{ url: "hunter2" }, /url.*expected rtmp/],
    [{ url: "srt://hunter2" }, /expected rtmp/],
    [{ url: "rtsp://a/1", fallback: ["hunter2"] }, /fallback.*expected rtmp/],
    [{ url: "rtsp://a/1", weight: 0 }, /weight/],
    [{ url: "rtsp://a/1", captureAt: "a b" }, /captureAt/],
    [{ url: "rtsp://a/1", banana: 1 }, /banana/],
    [{ url: "rtsp://a/1", enabled: false }, /enabled/],
    ['{"url":"hunter2', /JSON/],
    ['{"__proto__":{"url":"rtsp://hunter2"}}', /./],
    ["[]", /./],
    ["null", /./],
    ["", /./],
  ];
  for (const [body, words] of wrong) {
    const { status, body: problem, text } = await put(body);
    assert.equal(status, 400, JSON.stringify(body));
    assert.match(problem.detail, words, JSON.stringify(body));
    assert.doesNotMatch(text, /hunter2/);
  }
  assert.equal((await put("url=rtsp://a/1", "application/x-www-form-urlencoded")).status, 400);
  const large = await put({ url: "rtsp://a/1", fallback: ["x".repeat(70_000)] });
  assert.deepEqual([large.status, large.body.code], [413, "LIMIT_EXCEEDED"]);
  assert.equal((await ask("PUT", `${PATH}/cam01`, { url: "rtsp://a/1" })).body.code, "STREAM_NAME_INVALID");
  assert.deepEqual((await ask("GET", PATH)).body, { ingests: [] });
  assert.doesNotMatch(lines.join(""), /hunter2/);
});

test("command lines are taken only where the origin allows them", async (t) => {
  const closed = await build(t);
  for (const body of [{ url: "exec:ffmpeg x" }, { url: "rtsp://a/1", fallback: ["EXEC:y"] }]) {
    const { status, body: problem } = await closed.ask("PUT", `${PATH}/live/cam01`, body);
    assert.deepEqual([status, problem.code], [400, "INGEST_INVALID"]);
    assert.match(problem.detail, /ingest\.allowExec/);
  }
  const open = await build(t, { ingest: { allowExec: true } });
  const { status, body } = await open.ask("PUT", `${PATH}/live/cam01`, { url: "exec:ffmpeg -i hunter2" });
  assert.deepEqual([status, body.url], [201, "exec:ffmpeg …"]);
});

test("credentials are shown with the token, and nowhere without one", async (t) => {
  const body = { url: SECRET_URL, fallback: [SECRET_URL] };
  const open = await build(t);
  const { text } = await open.ask("PUT", `${PATH}/live/cam01`, body);
  const answers = [text];
  for (const path of [
    PATH,
    `${PATH}/live/cam01`,
    "/api/fleet/v1/explain?stream=live/cam01",
    "/api/fleet/v1/events",
  ])
    answers.push((await open.ask("GET", path)).text);
  assert.match(answers[1] ?? "", /rtsp:\/\/cam01/);
  assert.equal((await open.registry.ingests.get(CAM))?.url, SECRET_URL);
  assert.doesNotMatch([...answers, ...open.lines].join("\n"), /hunter2/);

  const closed = await build(t, { api: { token: TOKEN } });
  assert.equal((await closed.ask("PUT", `${PATH}/live/cam01`, body)).body.url, SECRET_URL);
  assert.deepEqual((await closed.ask("GET", `${PATH}/live/cam01`)).body.fallback, [SECRET_URL]);
  assert.equal((await closed.ask("GET", PATH)).body.ingests[0].url, SECRET_URL);
  const { body: explained } = await closed.ask("GET", "/api/fleet/v1/explain?stream=live/cam01");
  assert.equal(explained.ingest.url, MASKED_URL);
  assert.doesNotMatch(JSON.stringify(explained), /hunter2/);
  assert.doesNotMatch(closed.lines.join("\n"), /hunter2/);
});

test("every path of ingests wants the token where there is one", async (t) => {
  const { app } = createApiApp({
    config: settings({ api: { token: TOKEN } }),
    version: "0.1.0",
    registry: createMemoryRegistry(new MemoryStore(systemClock)),
    leases: new MemoryLeases(new MemoryStore(systemClock)),
    lookup: () => Promise.resolve(undefined),
    explain: () => Promise.reject(new Error("not part of this test")),
    metrics: { contentType: "text/plain", text: () => Promise.resolve("") },
    readiness: () => ({}),
    log: logInto([]),
  });
  t.after(() => app.close());
  for (const [method, path] of [
    ["GET", ""],
    ["GET", "/live/cam01"],
    ["PUT", "/live/cam01"],
    ["DELETE", "/live/cam01"],
    ["POST", "/live/cam01/pause"],
  ] as const)
    assert.equal((await app.inject({ method, url: `${PATH}${path}` })).statusCode, 401, `${method} ${path}`);
});

test("a page from elsewhere changes nothing without the token", async (t) => {
  const { ask, registry } = await build(t);
  await ask("PUT", `${PATH}/live/cam01`, { url: "rtsp://a/1" });
  const { app } = createApiApp({
    config: settings(),
    version: "0.1.0",
    registry,
    leases: { inspect: () => Promise.resolve(undefined) },
    lookup: () => Promise.resolve(undefined),
    explain: () => Promise.reject(new Error("not part of this test")),
    metrics: { contentType: "text/plain", text: () => Promise.resolve("") },
    readiness: () => ({}),
    log: logInto([]),
  });
  t.after(() => app.close());
  for (const [method, path] of [
    ["PUT", "/live/cam01"],
    ["DELETE", "/live/cam01"],
    ["POST", "/live/cam01/pause"],
  ] as const) {
    const headers = { origin: "https://elsewhere.example" };
    assert.equal((await app.inject({ method, url: `${PATH}${path}`, headers })).statusCode, 401);
  }
  assert.equal((await registry.ingests.get(CAM))?.enabled, true);
});

test("what a settings file defines is paused and moved, not replaced and not removed", async (t) => {
  const { ask, register, registry } = await build(t);
  const session = await register("o1");
  const definition = { captureAt: "", weight: 1, overlap: false, onDemand: false, fallback: [] };
  await registry.ingests.assertConfigured(session, [{ ...definition, stream: CAM, url: "rtsp://a/1" }]);
  assert.equal((await ask("GET", `${PATH}/live/cam01`)).body.source, "config");
  for (const { status, body } of [
    await ask("PUT", `${PATH}/live/cam01`, { url: "rtsp://a/2" }),
    await ask("DELETE", `${PATH}/live/cam01`),
  ])
    assert.deepEqual([status, body.code], [409, "INGEST_CONFIGURED"]);
  assert.equal((await ask("POST", `${PATH}/live/cam01/pause`)).status, 202);
  assert.equal((await ask("POST", `${PATH}/live/cam01/move?origin=o1`)).status, 202);
});

test("one ingest is shown with its lease and its line of the plan", async (t) => {
  const { ask, register, registry, leases } = await build(t);
  const session = await register("o1");
  await ask("PUT", `${PATH}/live/cam01`, { url: "rtsp://a/1" });
  const term = await registry.ingests.drawToken(session, 0);
  await leases.acquire("planner", { origin: "o1", epoch: session.epoch, token: term }, 5_000);
  await registry.ingests.writePlan(session, term, [{ stream: CAM, origin: "o1", why: "least loaded" }], []);
  const token = await registry.ingests.drawToken(session, 0);
  await leases.acquire(leaseOf(CAM), { origin: "o1", epoch: session.epoch, token }, 5_000);
  assert.equal((await registry.ingests.begin(session, CAM, token, "least loaded")).outcome, "begun");
  const { body } = await ask("GET", `${PATH}/live/cam01`);
  const { timeLeftMs, ...lease } = body.lease;
  assert.deepEqual(lease, { origin: "o1", epoch: session.epoch, token });
  assert.ok(timeLeftMs > 0 && timeLeftMs <= 5_000);
  const { at, ...plan } = body.plan;
  assert.deepEqual(plan, { origin: "o1", why: "least loaded", by: "o1", term });
  assert.ok(Math.abs(Date.now() - Date.parse(at)) < 60_000);
  assert.deepEqual([body.state, body.owner, body.planned], ["starting", "o1", "o1"]);
});
