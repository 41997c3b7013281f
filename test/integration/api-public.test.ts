import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { peerProbe } from "../../src/http/peer-probe.ts";
import { createPublicApp } from "../../src/http/public-app.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { waitFor } from "../support/wait.ts";
import { flvHandlers, logInto, registryWith, settings } from "../unit/http/fixtures.ts";

async function start(t: TestContext, config: ConfigInput = {}) {
  const lines: string[] = [];
  const flv = flvHandlers();
  const port = createPublicApp({
    config: settings(config),
    identity: { name: "o1", instance: "instance-of-o1" },
    flv,
    lookup: async (key) => (await registryWith().locate([key]))[0],
    readiness: () => ({ registry: { ok: false, detail: "no answer from redis://inside:6379" } }),
    log: logInto(lines),
  });
  await port.start();
  t.after(() => port.stop());
  return { port, flv, lines, url: `http://${port.address}` };
}

/** Send bytes, return all that comes back until the peer closes. */
async function exchange(address: string, ...parts: string[]): Promise<string> {
  const [host, port] = address.split(":");
  const socket: Socket = connect(Number(port), host);
  let answer = "";
  socket.setEncoding("latin1").on("data", (data: string) => (answer += data));
  for (const part of parts) socket.write(part);
  await once(socket, "close", { signal: AbortSignal.timeout(10_000) });
  return answer;
}

test("requests for .flv are handed over raw, with their query and body", async (t) => {
  const { url, flv } = await start(t);
  assert.equal(await (await fetch(`${url}/live/cam1.flv?token=secret`)).text(), "FLV");
  assert.equal((await fetch(`${url}/a/b/cam1.flv`, { method: "HEAD" })).status, 200);
  assert.equal((await fetch(`${url}/a/b/cam1.flv`, { method: "OPTIONS" })).status, 200);
  const posted = await fetch(`${url}/live/cam2.flv`, {
    method: "POST",
    headers: { "content-type": "video/x-flv" },
    body: "x".repeat(200_000),
  });
  assert.equal(await posted.text(), `took ${"x".repeat(200_000)}`);
  assert.deepEqual(flv.seen, [
    "GET /live/cam1.flv?token=secret",
    "HEAD /a/b/cam1.flv",
    "OPTIONS /a/b/cam1.flv",
    "POST /live/cam2.flv",
  ]);
});

test("a WebSocket upgrade of a .flv is handed over, any other is refused", async (t) => {
  const { port, flv } = await start(t);
  const upgrade = (path: string, to: string) =>
    exchange(
      port.address,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\n\r\n`,
    );
  assert.match(await upgrade("/live/cam1.flv?a=b", "websocket"), /^HTTP\/1.1 101 /);
  assert.deepEqual(flv.seen, ["UPGRADE /live/cam1.flv?a=b"]);
  const notFlv = await upgrade("/live/cam1", "websocket");
  assert.match(notFlv, /^HTTP\/1.1 404 .*application\/problem\+json.*"code":"NOT_FOUND"/s);
  assert.match(await upgrade("/live/cam1.flv", "h2c"), /^HTTP\/1.1 400 /);
});

test("what is not there is a problem, also for a wrong method", async (t) => {
  const { url } = await start(t);
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(url + path, { method });
    return [
      response.status,
      ((await response.json()) as { code: string }).code,
      response.headers.get("allow"),
    ];
  };
  assert.deepEqual(await ask("/live/cam1"), [404, "NOT_FOUND", null]);
  assert.deepEqual(await ask("/fleet/v1/other"), [404, "NOT_FOUND", null]);
  assert.deepEqual(await ask("/live/cam1.flv", "PUT"), [
    405,
    "METHOD_NOT_ALLOWED",
    "GET, HEAD, OPTIONS, POST",
  ]);
  assert.deepEqual(await ask("/livez", "DELETE"), [405, "METHOD_NOT_ALLOWED", "GET, HEAD"]);
});

test("a request that is no HTTP ends its own connection only", async (t) => {
  const { port, url } = await start(t, { limits: { httpHeader: "2KB" } });
  const broken = await exchange(port.address, "NONSENSE\r\n\r\n");
  assert.match(broken, /^HTTP\/1.1 400 .*"code":"PROTOCOL_VIOLATION"/s);
  const large = await exchange(port.address, `GET / HTTP/1.1\r\nX: ${"x".repeat(3_000)}\r\n\r\n`);
  assert.match(large, /^HTTP\/1.1 431 .*"code":"LIMIT_EXCEEDED"/s);
  assert.equal((await fetch(`${url}/livez`)).status, 200);
});

test("a client that never ends its header is disconnected", async (t) => {
  const { port } = await start(t, { limits: { handshakeTimeout: "500ms" } });
  const answer = await exchange(port.address, "GET / HTTP/1.1\r\nHost:");
  assert.match(answer, /^HTTP\/1.1 408 .*"code":"TIMED_OUT"/s);
});

test("a body that nobody asked for is not waited for", async (t) => {
  const { port } = await start(t);
  const head =
    "POST /api/v1/clusters?app=live&stream=cam1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
  assert.match(await exchange(port.address, head, "only this"), /^HTTP\/1.1 200 .*connection: close/s);
});

test("queries are in no log line", async (t) => {
  const { url, lines } = await start(t);
  await fetch(`${url}/nothing?token=very-secret`);
  await fetch(`${url}/%zz?token=very-secret`);
  assert.equal(lines.length, 2);
  assert.ok(!lines.join("").includes("very-secret"));
});

test("health tells everybody what fails, and nobody where it is", async (t) => {
  const { url } = await start(t);
  assert.deepEqual(await (await fetch(`${url}/livez`)).json(), { status: "alive" });
  const response = await fetch(`${url}/readyz`);
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { status: "not ready", checks: { registry: { ok: false } } });
});

test("a port in use is said with its setting", async (t) => {
  const { port } = await start(t);
  const taken = Number(port.address.split(":")[1]);
  await assert.rejects(start(t, { http: { port: taken } }), {
    code: "PORT_IN_USE",
    message: `http.port: 127.0.0.1:${taken} is already in use`,
  });
});

test("stopping ends media first, then closes what is left", async (t) => {
  const { port, flv } = await start(t);
  const [host, number] = port.address.split(":");
  const idle = connect(Number(number), host);
  await once(idle, "connect");
  idle.resume();
  const closed = once(idle, "close", { signal: AbortSignal.timeout(10_000) });
  await port.stop();
  await closed;
  assert.deepEqual(flv.seen, ["STOP"]);
});

test("a peer finds out who lives at an address", async (t) => {
  const { port } = await start(t);
  assert.deepEqual(await peerProbe.whoIs(port.address, 5_000), {
    outcome: "instance",
    name: "o1",
    instance: "instance-of-o1",
  });
});

test("only a refused connection proves that nobody is there", async (t) => {
  const mute = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
  await once(mute, "listening");
  const { port } = mute.address() as AddressInfo;
  assert.deepEqual(await peerProbe.whoIs(`127.0.0.1:${port}`, 100), { outcome: "silent" });
  mute.close();
  await once(mute, "close");
  assert.deepEqual(await peerProbe.whoIs(`127.0.0.1:${port}`, 5_000), { outcome: "refused" });

  const liar = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  }).listen(0, "127.0.0.1");
  t.after(() => liar.close());
  await once(liar, "listening");
  const address = `127.0.0.1:${(liar.address() as AddressInfo).port}`;
  assert.deepEqual(await peerProbe.whoIs(address, 5_000), { outcome: "silent" });
  assert.deepEqual(await peerProbe.whoIs("no address at all", 5_000), { outcome: "silent" });
});

/** A connection that says nothing, and whether it has ended. */
async function knock(t: TestContext, address: string) {
  const [host, port] = address.split(":");
  const socket = connect(Number(port), host);
  let ended = false;
  socket.on("error", () => undefined).on("close", () => (ended = true));
  t.after(() => socket.destroy());
  await waitFor(() => ended || socket.readyState === "open");
  return { socket, ended: () => ended };
}

for (const [setting, reason] of [
  ["connections", "too-many-connections"],
  ["connectionsPerAddress", "too-many-of-address"],
] as const)
  test(`connections beyond limits.${setting} are reset, with one line for many, and room comes back`, async (t) => {
    const { port, url, lines } = await start(t, { limits: { [setting]: 2 } });
    const first = await knock(t, port.address);
    await knock(t, port.address);
    const refused = await Promise.all([1, 2, 3].map(() => knock(t, port.address)));
    await waitFor(() => refused.every(({ ended }) => ended()));
    assert.equal(first.ended(), false);
    const said = lines.filter((line) => line.includes("connections refused"));
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", new RegExp(`"remote":"127.0.0.1","reason":"${reason}"`));
    first.socket.destroy();
    await waitFor(async () => (await fetch(`${url}/livez`)).ok);
  });

test("an address that connects too fast is reset", async (t) => {
  const { port } = await start(t, { limits: { connectsPerSecond: 2 } });
  const all = await Promise.all([1, 2, 3, 4, 5, 6].map(() => knock(t, port.address)));
  await waitFor(() => all.filter(({ ended }) => ended()).length >= 3);
  assert.ok(all.some(({ ended }) => !ended()));
});
