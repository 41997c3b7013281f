import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ERRORS } from "../../../src/domain/errors.ts";
import { createApiApp } from "../../../src/http/api-app.ts";
import { createPublicApp } from "../../../src/http/public-app.ts";
import { cam1, flvHandlers, logInto, registryWith, settings } from "./fixtures.ts";

const page = readFileSync(new URL("../../../docs/api.md", import.meta.url), "utf8");

function ports() {
  const registry = registryWith([cam1, { ...cam1, key: "live/test" as typeof cam1.key }]);
  const options = {
    config: settings(),
    identity: { name: "o1", instance: "instance-of-o1" },
    version: "0.1.0",
    registry,
    leases: { inspect: () => Promise.resolve(undefined) },
    lookup: async (key: typeof cam1.key) => (await registry.locate([key]))[0],
    explain: (key: typeof cam1.key) =>
      Promise.resolve({
        stream: key,
        live: false,
        summary: "",
        reasons: [],
        lookup: null,
        ingest: null,
        history: [],
      }),
    flv: flvHandlers(),
    metrics: { contentType: "text/plain", text: () => Promise.resolve("") },
    readiness: () => ({}),
    log: logInto([]),
  };
  return { 8080: createPublicApp(options).app, 8090: createApiApp(options).app };
}

test("docs/api.md lists every path of the OpenAPI document, and no other", async () => {
  const { 8090: api } = ports();
  const response = await api.inject("/api/fleet/v1/openapi.json");
  const document = response.json<{ paths: Record<string, object> }>();
  const served = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const listed = [...page.matchAll(/^\| `((?:GET|POST|PUT|DELETE) \/api\/fleet\/v1\/[^?`]+)/gm)].map(
    ([, request]) => request,
  );
  assert.deepEqual(listed.toSorted(), [...served, "GET /api/fleet/v1/openapi.json"].toSorted());
  await api.close();
});

test("every curl line of docs/api.md is answered", async () => {
  const apps = ports();
  const lines = [...page.matchAll(/^curl .*?(http:\/\/127\.0\.0\.1:(8080|8090)(\/[^\s']*))/gm)];
  assert.ok(lines.length > 10);
  for (const [line, , port, path = ""] of lines) {
    const response = await apps[port as "8080" | "8090"].inject(path);
    assert.equal(response.statusCode, 200, line);
  }
  await Promise.all(Object.values(apps).map((app) => app.close()));
});

test("the codes in docs/api.md exist and have the status that it says", () => {
  for (const [, status, codes = ""] of page.matchAll(/^\| (\d{3}) \| (`[^|]+`) \|/gm))
    for (const [, code = ""] of codes.matchAll(/`(\w+)`/g))
      assert.equal(String(ERRORS[code as keyof typeof ERRORS]?.http), status, code);
});
