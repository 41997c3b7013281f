import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Registry } from "../../../src/domain/ports/registry.ts";
import { createApiApp } from "../../../src/http/api-app.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import type { ConfigInput } from "../../../src/config/schema.ts";
import { cam1, logInto, o1, registryWith, settings, silentRegistry } from "./fixtures.ts";

const TOKEN = "a-token-of-sufficient-length";

interface Build {
  readonly config?: ConfigInput;
  readonly registry?: Registry;
  readonly ready?: boolean;
}

function build(t: TestContext, { config = {}, registry = registryWith(), ready = true }: Build = {}) {
  const lines: string[] = [];
  const { app } = createApiApp({
    config: settings(config),
    version: "0.1.0",
    registry,
    leases: { inspect: () => Promise.resolve(undefined) },
    lookup: async (key) => (await registry.locate([key]))[0],
    explain: (key) =>
      Promise.resolve({
        stream: key,
        live: false,
        summary: "nobody",
        reasons: [],
        lookup: null,
        ingest: null,
        history: [],
      }),
    metrics: { contentType: "text/plain", text: () => Promise.resolve("holdfast_ready 1\n") },
    readiness: () => ({ session: { ok: ready, detail: "registered" } }),
    log: logInto(lines),
  });
  t.after(() => app.close());
  return { app, lines };
}

test("all origins are listed with their addresses and times", async (t) => {
  const { app } = build(t);
  const response = await app.inject("/api/fleet/v1/origins");
  assert.equal(response.statusCode, 200);
  assert.deepEqual(response.json(), { origins: [{ ...o1, since: "2026-01-02T03:04:05.000Z" }] });
});

test("one origin is shown with its time left and the streams it owns", async (t) => {
  const { app } = build(t);
  const body = (await app.inject("/api/fleet/v1/origins/o1")).json();
  assert.equal(body.timeLeftMs, 4_321);
  assert.deepEqual(
    body.owns.map((stream: { stream: string }) => stream.stream),
    ["live/cam1"],
  );
});

test("a stream is found by its path and by lookup, with the URLs that play it", async (t) => {
  const { app } = build(t);
  for (const url of ["/api/fleet/v1/streams/live/cam1", "/api/fleet/v1/lookup?stream=live%2Fcam1"]) {
    const body = (await app.inject(url)).json();
    assert.equal(body.origin, "o1", url);
    assert.equal(body.token, cam1.token, url);
    assert.deepEqual(body.urls, {
      rtmp: "rtmp://127.0.0.1:19350/live/cam1",
      httpFlv: "http://127.0.0.1:9090/live/cam1.flv",
      wsFlv: "ws://127.0.0.1:9090/live/cam1.flv",
    });
  }
});

test("a stream of another vhost is found by its path", async (t) => {
  const key = "//tv.example/live/cam1" as typeof cam1.key;
  const { app } = build(t, { registry: registryWith([{ ...cam1, key }]) });
  const body = (await app.inject("/api/fleet/v1/streams///tv.example/live/cam1")).json();
  assert.equal(body.stream, "//tv.example/live/cam1");
  assert.equal(body.urls.rtmp, "rtmp://127.0.0.1:19350/live/cam1?vhost=tv.example");
});

test("events are limited and filtered", async (t) => {
  const { app } = build(t);
  const ids = async (url: string) =>
    (await app.inject(url)).json().events.map((event: { id: string }) => event.id);
  assert.deepEqual(await ids("/api/fleet/v1/events"), ["0-0", "1-0", "2-0"]);
  assert.deepEqual(await ids("/api/fleet/v1/events?count=1"), ["2-0"]);
  assert.deepEqual(await ids("/api/fleet/v1/events?stream=live/cam2"), ["1-0"]);
  assert.deepEqual(await ids("/api/fleet/v1/events?origin=o9"), []);
});

const refusals: [
  string,
  { method?: "GET" | "PUT" | "POST"; url: string; payload?: string },
  number,
  string,
][] = [
  ["an unknown path", { url: "/nothing" }, 404, "NOT_FOUND"],
  ["an unknown stream", { url: "/api/fleet/v1/lookup?stream=live/none" }, 404, "STREAM_NOT_FOUND"],
  ["an unknown origin", { url: "/api/fleet/v1/origins/o9" }, 404, "ORIGIN_NOT_FOUND"],
  ["a wrong method", { method: "PUT", url: "/api/fleet/v1/origins" }, 405, "METHOD_NOT_ALLOWED"],
  [
    "a wrong method under a wildcard",
    { method: "POST", url: "/api/fleet/v1/streams/a/b" },
    405,
    "METHOD_NOT_ALLOWED",
  ],
  ["a missing parameter", { url: "/api/fleet/v1/lookup" }, 400, "REQUEST_INVALID"],
  ["a parameter out of range", { url: "/api/fleet/v1/events?count=0" }, 400, "REQUEST_INVALID"],
  ["a bad stream name", { url: "/api/fleet/v1/lookup?stream=live/../x" }, 400, "STREAM_NAME_INVALID"],
  ["a path that is not a URL", { url: "/api/fleet/v1/streams/%zz" }, 400, "REQUEST_INVALID"],
  [
    "a body that is too large",
    { method: "POST", url: "/api/v1/clusters", payload: "x".repeat(65_537) },
    413,
    "LIMIT_EXCEEDED",
  ],
];

test("a stream that an ingest should bring is not there, and the answer says what players get", async (t) => {
  const key = parseStreamKey("live/cam9");
  const { app } = build(t, { registry: registryWith([cam1], new Map([[key, { onDemand: false }]])) });
  const response = await app.inject("/api/fleet/v1/lookup?stream=live/cam9");
  assert.equal(response.statusCode, 404);
  assert.equal(response.json().code, "STREAM_NOT_FOUND");
  assert.match(response.json().detail, /an enabled ingest should bring it, and plays wait for it/);
});

for (const [what, request, status, code] of refusals) {
  test(`${what} is answered with a problem`, async (t) => {
    const { app } = build(t);
    const response = await app.inject({ method: "GET", ...request });
    assert.equal(response.statusCode, status);
    assert.match(String(response.headers["content-type"]), /^application\/problem\+json/);
    assert.equal(response.json().code, code);
    assert.equal(response.json().status, status);
    if (status === 405) assert.match(String(response.headers.allow), /GET/);
  });
}

test("a registry that is away is a 503 without its address", async (t) => {
  const { app, lines } = build(t, { registry: silentRegistry() });
  const response = await app.inject("/api/fleet/v1/streams");
  assert.equal(response.statusCode, 503);
  assert.equal(response.json().code, "REGISTRY_UNAVAILABLE");
  assert.doesNotMatch(response.body, /10\.0\.0\.5/);
  assert.equal(lines.length, 1);
});

test("an unforeseen fault is a 500 that tells the client nothing and the log everything", async (t) => {
  const registry = { ...registryWith(), listStreams: () => Promise.reject(new TypeError("the cause")) };
  const { app, lines } = build(t, { registry });
  const response = await app.inject("/api/fleet/v1/streams");
  assert.equal(response.statusCode, 500);
  assert.equal(response.json().code, "INTERNAL");
  assert.doesNotMatch(response.body, /the cause/);
  assert.match(lines.join(""), /the cause/);
});

test("with a token every path but health asks for it", async (t) => {
  const { app, lines } = build(t, { config: { api: { token: TOKEN } } });
  const ask = async (url: string, authorization?: string) =>
    (await app.inject({ url, headers: authorization === undefined ? {} : { authorization } })).statusCode;

  assert.equal(await ask("/livez"), 200);
  assert.equal(await ask("/readyz"), 200);
  for (const url of ["/api/fleet/v1/origins", "/metrics", "/api/v1/clusters", "/nothing"]) {
    assert.equal(await ask(url), 401, url);
    assert.equal(await ask(url, `Bearer ${TOKEN.slice(0, -1)}x`), 401, url);
    assert.equal(await ask(url, TOKEN), 401, url);
  }
  assert.equal(await ask("/api/fleet/v1/origins", `Bearer ${TOKEN}`), 200);
  assert.equal(await ask("/api/fleet/v1/origins", `bearer ${TOKEN}`), 200);
  assert.equal(await ask(`/api/fleet/v1/lookup?stream=a/b&token=${TOKEN}`), 401);
  assert.ok(!lines.join("").includes(TOKEN.slice(0, -1)), "the token was logged");
});

test("without a token a page under a foreign host name gets nothing", async (t) => {
  const { app } = build(t);
  const ask = async (host: string) =>
    (await app.inject({ url: "/api/fleet/v1/origins", headers: { host } })).statusCode;
  for (const host of ["localhost:8090", "127.0.0.1:8090", "[::1]:8090", "127.8.8.8"])
    assert.equal(await ask(host), 200, host);
  for (const host of ["evil.example:8090", "10.0.0.1:8090"]) assert.equal(await ask(host), 401, host);
});

test("readiness is 503 with its checks while one of them fails", async (t) => {
  const { app } = build(t, { ready: false });
  const response = await app.inject("/readyz");
  assert.equal(response.statusCode, 503);
  assert.deepEqual(response.json(), {
    status: "not ready",
    checks: { session: { ok: false, detail: "registered" } },
  });
  assert.equal((await app.inject("/livez")).statusCode, 200);
});

test("a wish for an origin is written and answered with 202", async (t) => {
  const asked: unknown[] = [];
  const registry: Registry = {
    ...registryWith(),
    wishState: (...wish) => {
      asked.push(wish);
      return Promise.resolve(wish[0] === "o1" ? { epoch: 7, state: "up" } : undefined);
    },
    kickStream: (...kick) => {
      asked.push(kick);
      return Promise.resolve(kick[0] === cam1.key ? { origin: "o1", token: 8 } : undefined);
    },
  };
  const { app } = build(t, { registry });
  const post = async (url: string, headers: Record<string, string> = {}) => {
    const response = await app.inject({ method: "POST", url, headers });
    return [response.statusCode, response.json()] as const;
  };
  assert.deepEqual(await post("/api/fleet/v1/origins/o1/drain"), [
    202,
    { origin: "o1", epoch: 7, state: "up", wished: "draining" },
  ]);
  assert.equal((await post("/api/fleet/v1/origins/o1/undrain"))[1].wished, "up");
  assert.deepEqual(await post("/api/fleet/v1/kick?stream=live%2Fcam1"), [
    202,
    { stream: "live/cam1", origin: "o1", token: 8 },
  ]);
  assert.deepEqual(asked, [
    ["o1", "draining", "api"],
    ["o1", "up", "api"],
    ["live/cam1", "api"],
  ]);
  const nobody = await post("/api/fleet/v1/origins/o9/drain");
  assert.deepEqual([nobody[0], nobody[1].code], [404, "ORIGIN_NOT_FOUND"]);
  const nothing = await post("/api/fleet/v1/kick?stream=live%2Fnone");
  assert.deepEqual([nothing[0], nothing[1].code], [404, "STREAM_NOT_FOUND"]);
  assert.equal(
    (await app.inject("/api/fleet/v1/origins/o1/drain")).statusCode,
    405,
    "reading changes nothing",
  );

  const before = asked.length;
  for (const origin of ["http://evil.example", "null", "https://127.0.0.1.evil.example"])
    assert.equal((await post("/api/fleet/v1/origins/o1/drain", { origin }))[0], 401, origin);
  assert.equal(asked.length, before, "a page from elsewhere must not drain anything");
  assert.equal((await post("/api/fleet/v1/origins/o1/drain", { origin: "http://localhost:8090" }))[0], 202);
});

test("the OpenAPI document describes every path with its answers", async (t) => {
  const { app } = build(t);
  const document = (await app.inject("/api/fleet/v1/openapi.json")).json();
  assert.deepEqual(Object.keys(document.paths).sort(), [
    "/api/fleet/v1/events",
    "/api/fleet/v1/explain",
    "/api/fleet/v1/ingests",
    "/api/fleet/v1/ingests/{key}",
    "/api/fleet/v1/kick",
    "/api/fleet/v1/lookup",
    "/api/fleet/v1/origins",
    "/api/fleet/v1/origins/{name}",
    "/api/fleet/v1/origins/{name}/drain",
    "/api/fleet/v1/origins/{name}/undrain",
    "/api/fleet/v1/streams",
    "/api/fleet/v1/streams/{key}",
  ]);
  const lookup = document.paths["/api/fleet/v1/lookup"].get;
  assert.equal(
    lookup.responses["200"].content["application/json"].schema.$ref,
    "#/components/schemas/Lookup",
  );
  assert.equal(
    lookup.responses["4XX"].content["application/problem+json"].schema.$ref,
    "#/components/schemas/Problem",
  );
  assert.ok(document.components.schemas.Origin.properties.epoch.description);
});
