import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { configSchema } from "../../src/config/schema.ts";
import type { OriginRecord } from "../../src/domain/origin-record.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { ClusterKey } from "../../src/fleet/cluster-key.ts";
import { createPeerApp } from "../../src/http/peer-app.ts";
import { createPeerAsks } from "../../src/http/peer-asks.ts";
import { createPeerLinks } from "../../src/http/peer-links.ts";
import { peerProbe } from "../../src/http/peer-probe.ts";
import type { PeerDoor } from "../../src/http/routes-peer.ts";
import { describeOrigin } from "../contract/fleet-fixture.ts";
import { waitFor } from "../support/wait.ts";

const CAM = parseStreamKey("live/cam");
const LONG = parseStreamKey(`//vhost.example/${"a/".repeat(8)}${"ö".repeat(150)}`);
const key = new ClusterKey("a key of the fleet under test");
const authorize = (target: string, subject: string) =>
  key.header({ purpose: "peer", target, subject }, Date.now());

function doorOf(instance: string, pulled: readonly string[], own = key): PeerDoor {
  return {
    admit: (header, subject) =>
      own.admitHeader(header, { purpose: "peer", target: instance, subject }, Date.now()),
    pullsNow: (stream) => pulled.includes(stream),
  };
}

interface Life {
  readonly name?: string;
  readonly instance?: string;
  readonly pulled?: readonly string[];
  readonly key?: ClusterKey;
  readonly port?: number;
}

/** The peer port of an origin, and its record. */
async function live(t: TestContext, { name = "o2", instance = "i2", pulled = [], ...more }: Life = {}) {
  const config = configSchema.parse({ name, bind: "127.0.0.1" });
  const door = doorOf(instance, pulled, more.key);
  const log = pino({ level: "silent" });
  const port = createPeerApp({ config, port: more.port ?? 0, identity: { name, instance }, door, log });
  await port.start();
  t.after(() => port.stop());
  return { port, record: recordOf(port.address, name, instance) };
}

function recordOf(peer: string, name = "o2", instance = "i2"): OriginRecord {
  const counts = { epoch: 1, beat: 0, load: 0, streams: 0, since: 0 };
  return { ...describeOrigin(name, instance), peer, ...counts };
}

const asks = createPeerAsks({ authorize, probe: peerProbe });
const links = createPeerLinks(authorize);

/** A server that does what the test says with each connection. */
async function rawServer(t: TestContext, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer();
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closedPort(t: TestContext): Promise<string> {
  const { port } = await live(t);
  const { address } = port;
  await port.stop();
  return address;
}

test("a peer says whether it pulls an ingest, whatever its key is", async (t) => {
  const { record } = await live(t, { pulled: [CAM, LONG] });
  assert.equal(await asks.pulls(record, CAM), "pulls");
  assert.equal(await asks.pulls(record, LONG), "pulls");
  assert.equal(await asks.pulls(record, parseStreamKey("live/cam2")), "does-not");
});

test("who has another key, or none, is told nothing", async (t) => {
  const { record, port } = await live(t, {
    pulled: [CAM],
    key: new ClusterKey("another key of another fleet"),
  });
  assert.equal(await asks.pulls(record, CAM), "unknown");
  const silent = createPeerAsks({ authorize: () => undefined, probe: peerProbe });
  assert.equal(await silent.pulls(record, CAM), "unknown");
  for (const path of ["/fleet/v1/ingests/live%2Fcam", "/fleet/v1/link"]) {
    const answer = await fetch(`http://${port.address}${path}`);
    assert.equal(answer.status, 403, path);
    assert.equal(((await answer.json()) as { code: string }).code, "TICKET_INVALID");
  }
});

test("a ticket counts once, and for one question", async (t) => {
  const { port } = await live(t, { pulled: [CAM] });
  const path = "/fleet/v1/ingests/live%2Fcam";
  const authorization = authorize("i2", `GET ${path}`);
  const get = async (where: string) =>
    (await fetch(`http://${port.address}${where}`, { headers: { authorization } })).status;
  assert.equal(await get("/fleet/v1/ingests/live%2Fother"), 403);
  assert.equal(await get(path), 200);
  assert.equal(await get(path), 403);
});

test("a port that refuses, or a successor of the same name, does not pull it", async (t) => {
  assert.equal(await asks.pulls(recordOf(await closedPort(t)), CAM), "does-not");
  const { port } = await live(t, { instance: "i3", pulled: [CAM] });
  assert.equal(await asks.pulls(recordOf(port.address, "o2", "i2"), CAM), "does-not");
});

test("another origin that has the address now says nothing about the one that had it", async (t) => {
  const { port } = await live(t, { name: "o9", instance: "i9", pulled: [CAM] });
  assert.equal(await asks.pulls(recordOf(port.address), CAM), "unknown");
});

test("whoever is silent, or talks nonsense, is waited for 300 ms and no longer", async (t) => {
  const silent = await rawServer(t, () => undefined);
  const began = performance.now();
  assert.equal(await asks.pulls(recordOf(silent), CAM), "unknown");
  assert.ok(performance.now() - began < 2_000, "well below any other time-out");
  const endless = await rawServer(t, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + "x".repeat(100_000));
  });
  assert.equal(await asks.pulls(recordOf(endless), CAM), "unknown");
  assert.equal(await asks.pulls(recordOf("not an address"), CAM), "unknown");
  assert.equal(await asks.pulls(recordOf(""), CAM), "unknown");
});

/** Hold a link, and tell what becomes of it. */
function hold(record: OriginRecord, signal = new AbortController().signal) {
  const state = { greeted: 0, end: "" };
  const ended = links
    .hold(record, () => state.greeted++, signal)
    .then((end) => {
      state.end = end;
      return end;
    });
  const greeted = () => waitFor(() => state.greeted > 0, { what: "the greeting" });
  return { state, ended, greeted };
}

test("a link lasts until the peer's port closes", async (t) => {
  const { record, port } = await live(t);
  const link = hold(record);
  await link.greeted();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(link.state, { greeted: 1, end: "" });
  await port.stop();
  assert.equal(await link.ended, "closed");
});

test("a link that we give up ends, and so does the peer's half", async (t) => {
  const { record, port } = await live(t);
  const over = new AbortController();
  const link = hold(record, over.signal);
  await link.greeted();
  over.abort();
  assert.equal(await link.ended, "silent");
  await waitFor(() => port.admission.open === 0, { what: "the connection's end" });
});

test("nobody is linked who refuses, does not greet, or is somebody else", async (t) => {
  assert.equal(await hold(recordOf(await closedPort(t))).ended, "silent");
  const { port } = await live(t, { instance: "i3" });
  const other = hold(recordOf(port.address, "o2", "i2"));
  assert.equal(await other.ended, "silent");
  const mute = hold(recordOf(await rawServer(t, () => undefined)));
  assert.equal(await mute.ended, "silent");
  const reset = hold(recordOf(await rawServer(t, (socket) => void socket.resetAndDestroy())));
  assert.equal(await reset.ended, "silent");
  for (const { state } of [other, mute, reset]) assert.equal(state.greeted, 0);
});

test("a greeted link that is reset, or half closed, was closed by the peer", async (t) => {
  for (const way of ["resetAndDestroy", "destroy", "end"] as const) {
    let cut = () => {};
    const address = await rawServer(t, (socket) => {
      cut = () => void socket[way]();
      const greeting = '{"name":"o2","instance":"i2"}\n';
      socket.once("data", () => {
        const chunk = `${greeting.length.toString(16)}\r\n${greeting}\r\n`;
        socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`);
      });
    });
    const link = hold(recordOf(address));
    await link.greeted();
    cut();
    assert.equal(await link.ended, "closed", way);
  }
});

test("so many links are held, and then the oldest ends", async (t) => {
  const { record, port } = await live(t);
  const over = new AbortController();
  t.after(() => over.abort());
  const first = hold(record, over.signal);
  await first.greeted();
  const more = Array.from({ length: 64 }, () => hold(record, over.signal));
  for (const link of more) await link.greeted();
  assert.equal(await first.ended, "closed");
  await waitFor(() => port.admission.open === 64, { what: "64 connections" });
  const [host = "", number = ""] = port.address.split(":");
  const stranger = connect(Number(number), host);
  t.after(() => stranger.destroy());
  await waitFor(() => port.admission.open === 65, { what: "an ordinary connection beside them" });
});
