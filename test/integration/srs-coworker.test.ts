import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import type { ConfigInput } from "../../src/config/schema.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { createApiApp } from "../../src/http/api-app.ts";
import type { HttpPort } from "../../src/http/http-port.ts";
import { createPublicApp } from "../../src/http/public-app.ts";
import {
  cam1,
  flvHandlers,
  logInto,
  o1,
  registryWith,
  settings,
  silentRegistry,
} from "../unit/http/fixtures.ts";

interface Build {
  readonly config?: ConfigInput;
  readonly registry?: Registry;
}

function ports({ config = {}, registry = registryWith() }: Build) {
  const options = {
    config: settings(config),
    identity: { name: "o1", instance: "instance-of-o1" },
    version: "0.1.0",
    registry,
    leases: { inspect: () => Promise.resolve(undefined) },
    lookup: async (key: typeof cam1.key) => (await registry.locate([key]))[0],
    explain: () => Promise.reject(new HoldfastError("INTERNAL")),
    flv: flvHandlers(),
    metrics: { contentType: "text/plain", text: () => Promise.resolve("") },
    readiness: () => ({}),
    log: logInto([]),
  };
  return { public: createPublicApp(options), api: createApiApp(options) };
}

/** The public port over a real socket. */
async function start(t: TestContext, build: Build = {}): Promise<HttpPort> {
  const port = ports(build).public;
  await port.start();
  t.after(() => port.stop());
  return port;
}

/** Bytes of the request line's target that no URL library would let through. */
async function ask(port: HttpPort, target: string): Promise<{ status: number; body: string }> {
  const [host, number] = port.address.split(":");
  const socket = connect(Number(number), host);
  const request =
    `POST ${target} HTTP/1.1\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n` +
    `Content-Type: application/json\r\nHost: ${port.address}\r\nUser-Agent: SRS/6.0.157(Hang)\r\n\r\n`;
  socket.write(request, "utf8");
  let answer = "";
  const deadline = AbortSignal.timeout(10_000);
  // The connection stays open, as SRS asked for: the body ends where its length says.
  while (!/\r\n\r\n/.test(answer) || Buffer.byteLength(bodyOf(answer)) < lengthOf(answer)) {
    const [data] = (await once(socket, "data", { signal: deadline })) as [Buffer];
    answer += data.toString("utf8");
  }
  socket.destroy();
  return { status: Number(answer.slice(9, 12)), body: bodyOf(answer) };
}

const bodyOf = (answer: string) => answer.slice(answer.indexOf("\r\n\r\n") + 4);
const lengthOf = (answer: string) => Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? Infinity);

const TARGET =
  "/api/v1/clusters?vhost=__defaultVhost__&ip=127.0.0.1&app=live&stream=cam1&coworker=127.0.0.1:21099";

test("a coworker that asks for a stream which an ingest should bring is told that nobody has it", async (t) => {
  const registry = registryWith([], new Map([[cam1.key, { onDemand: false }]]));
  const port = await start(t, { registry });
  const { status, body } = await ask(port, TARGET);
  assert.equal(status, 200);
  const { code, data } = JSON.parse(body) as { code: number; data: { origin: unknown } };
  assert.deepEqual([code, data.origin], [0, null]);
});

test("the request that SRS 6 sends gets the bytes that SRS 6 answers", async (t) => {
  const port = await start(t);
  assert.deepEqual(await ask(port, TARGET), {
    status: 200,
    body:
      '{"code":0,"data":{"query":{"ip":"127.0.0.1","vhost":"__defaultVhost__","app":"live","stream":"cam1"},' +
      '"origin":{"ip":"127.0.0.1","port":19350,"vhost":"__defaultVhost__","api":"127.0.0.1:9090","routers":["127.0.0.1:9090"]}}}',
  });
});

test("a stream that nobody publishes is code 0 with a null origin", async (t) => {
  const port = await start(t);
  assert.deepEqual(await ask(port, TARGET.replace("cam1", "none")), {
    status: 200,
    body: '{"code":0,"data":{"query":{"ip":"127.0.0.1","vhost":"__defaultVhost__","app":"live","stream":"none"},"origin":null}}',
  });
});

test("names are taken as SRS writes them: not percent-encoded, nested, with =", async (t) => {
  const names = ["live/a+b", "live/50%41", "live/a=b", "live/a,b;c", "a/b/c"];
  const records = names.map((name) => ({ ...cam1, key: parseStreamKey(name) }));
  const port = await start(t, { registry: registryWith(records) });
  for (const name of names) {
    const cut = name.lastIndexOf("/");
    const target = `/api/v1/clusters?vhost=x&app=${name.slice(0, cut)}&stream=${name.slice(cut + 1)}`;
    const { body } = await ask(port, target);
    const { data } = JSON.parse(body) as {
      data: { query: { stream: string }; origin: { port: number } | null };
    };
    assert.equal(data.query.stream, name.slice(cut + 1));
    assert.equal(data.origin?.port, 19_350, name);
  }
});

test("a known vhost is part of the name, any other means the default", async (t) => {
  const registry = registryWith([{ ...cam1, key: parseStreamKey("//tv.example/live/cam1") }]);
  const port = await start(t, { registry, config: { vhosts: ["tv.example"] } });
  const origin = async (vhost: string) => {
    const { body } = await ask(port, `/api/v1/clusters?vhost=${vhost}&app=live&stream=cam1`);
    return (JSON.parse(body) as { data: { origin: { vhost: string } | null } }).data.origin;
  };
  assert.equal((await origin("tv.example"))?.vhost, "tv.example");
  assert.equal(await origin("__defaultVhost__"), null);
  assert.equal(await origin("radio.example"), null);
});

const nulls: [string, Build, string][] = [
  ["the registry is away", { registry: silentRegistry() }, TARGET],
  ["the name is not valid", {}, TARGET.replace("cam1", "..")],
  ["nothing is asked for", {}, "/api/v1/clusters"],
  [
    "the owner has no public address",
    {
      registry: {
        ...registryWith(),
        locate: () => Promise.resolve([{ record: cam1, owner: { ...o1, rtmp: "" } }]),
      },
    },
    TARGET,
  ],
];

for (const [when, build, target] of nulls) {
  test(`the answer stays valid when ${when}`, async (t) => {
    const port = await start(t, build);
    const { status, body } = await ask(port, target);
    assert.equal(status, 200);
    const { code, data } = JSON.parse(body) as { code: number; data: { origin: unknown } };
    assert.equal(code, 0);
    assert.equal(data.origin, null);
  });
}

test("the answer is the same by GET, by POST and on the API port", async (t) => {
  const both = ports({});
  t.after(() => Promise.all([both.public.app.close(), both.api.app.close()]));
  const answers = await Promise.all(
    [both.public, both.api].flatMap(({ app }) =>
      (["GET", "POST"] as const).map(async (method) => (await app.inject({ method, url: TARGET })).body),
    ),
  );
  assert.equal(new Set(answers).size, 1);
  assert.match(answers[0] ?? "", /"port":19350/);
});

test("srs.coworker off closes the HTTP port to SRS, not the API port", async (t) => {
  const both = ports({ config: { srs: { coworker: "off" } } });
  t.after(() => Promise.all([both.public.app.close(), both.api.app.close()]));
  assert.equal((await both.public.app.inject(TARGET)).statusCode, 404);
  assert.equal((await both.api.app.inject(TARGET)).statusCode, 200);
});
