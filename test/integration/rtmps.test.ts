import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { after, before, beforeEach, test } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import { createRtmpServer } from "../../src/media/rtmp/server.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { FakeGates, ScriptedPublication } from "../support/fake-gates.ts";
import { makeCertificate, type TestCertificate } from "../support/make-certificate.ts";
import { Program } from "../support/run-program.ts";
import { memoryLog, startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";

let pair: TestCertificate;
let rtmp: Awaited<ReturnType<typeof startRtmp>>;
let tlsAddress: string;
let publications: ScriptedPublication[];

before(async () => {
  pair = await makeCertificate("first");
  rtmp = await startRtmp({
    rtmps: { port: 0, cert: pair.cert, key: pair.key },
    limits: { handshakeTimeout: "2s" },
  });
  tlsAddress = rtmp.server.tlsAddress as string;
});
after(async () => {
  await rtmp.stop();
  await pair.remove();
});
beforeEach(() => {
  publications = [];
  rtmp.gates.onPublish = ({ key }) => {
    const publication = new ScriptedPublication(key);
    publications.push(publication);
    return publication;
  };
});

function dial(address: string): TLSSocket {
  const [host, port] = address.split(":");
  return connect({ host, port: Number(port), rejectUnauthorized: false });
}

/** The name in the certificate that a new connection gets. */
function servedName(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = dial(tlsAddress);
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      resolve(String(CN));
    });
  });
}

const publisher = (url: string) =>
  new Program("ffmpeg", "ffmpeg", [
    ..."-hide_banner -loglevel error -re -f lavfi -i testsrc=size=128x72:rate=25".split(" "),
    ..."-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -f flv".split(" "),
    url,
  ]);

test("ffmpeg publishes by rtmps, and is reset when it is taken over", async () => {
  const ffmpeg = publisher(`rtmps://${tlsAddress}/live/cam`);
  try {
    const publication = await waitFor(() => publications[0], { within: 20_000, what: "the publish" });
    await waitFor(() => publication.packets.length > 20, { within: 20_000, what: "media" });
    assert.equal(rtmp.gates.publishes.at(-1)?.client.protocol, "rtmps");
    publication.revoke(new HoldfastError("STREAM_TAKEN_OVER"));
    await waitFor(() => rtmp.server.sessionCount === 0, { what: "the end of the session" });
    const end = rtmp.ends().at(-1);
    assert.deepEqual([end?.["protocol"], end?.["role"]], ["rtmps", "publisher"]);
    assert.notEqual((await ffmpeg.exit).code, 0);
  } finally {
    await ffmpeg.stop();
  }
});

test("a renewed certificate is served to new connections, and the present ones stay", async () => {
  const old = dial(tlsAddress);
  await new Promise((resolve) => old.once("secureConnect", resolve));
  let closed = false;
  old.on("error", () => undefined).on("close", () => (closed = true));
  await pair.renew("second");
  await waitFor(async () => (await servedName()) === "second", { what: "the new certificate" });
  assert.equal(closed, false);
  old.destroy();
});

test("a bad pair of files never replaces a good one", async () => {
  await pair.renew("third");
  await waitFor(async () => (await servedName()) === "third", { what: "the third certificate" });
  const complaints = () => rtmp.lines.filter(({ msg }) => /not reloaded/.test(msg)).length;
  const other = await makeCertificate("other");
  const key = readFileSync(pair.key);
  let said = complaints();
  for (const bad of [Buffer.from("nonsense"), readFileSync(other.key)]) {
    await writeFile(`${pair.key}.bad`, bad);
    await rename(`${pair.key}.bad`, pair.key);
    await waitFor(() => complaints() > said, { what: "a warning" });
    said = complaints();
    assert.equal(await servedName(), "third");
  }
  writeFileSync(pair.key, key);
  await pair.renew("fourth");
  await waitFor(async () => (await servedName()) === "fourth", { what: "the fourth certificate" });
  await other.remove();
});

test("who speaks no TLS, or too little of it, is closed", async () => {
  const [host, port] = tlsAddress.split(":");
  for (const bytes of [Buffer.from([3, 0, 0, 0, 0, 0, 0]), Buffer.from([0x16, 3, 1])]) {
    const socket = connectPlain({ host: host as string, port: Number(port) });
    let closed = false;
    socket.on("error", () => undefined).on("close", () => (closed = true));
    socket.resume();
    socket.write(bytes);
    await waitFor(() => closed, { what: "the end of the connection" });
  }
  await waitFor(() => rtmp.server.sessionCount === 0);
});

test("wrong files are named at the start", async () => {
  const other = await makeCertificate("other");
  const empty = `${other.folder}/empty.pem`;
  await writeFile(empty, "");
  const missing = `${other.folder}/missing.pem`;
  for (const [cert, key, message] of [
    [missing, other.key, `rtmps.cert: ${missing} cannot be read (ENOENT)`],
    [other.cert, missing, `rtmps.key: ${missing} cannot be read (ENOENT)`],
    [empty, other.key, `rtmps.cert: ${empty} holds no PEM certificate`],
    [other.cert, empty, `rtmps.key: ${empty} holds no PEM private key without a passphrase`],
    [other.cert, pair.key, `rtmps.key: ${pair.key} is not the key of the certificate in ${other.cert}`],
  ] as const) {
    const config = configSchema.parse({
      bind: "127.0.0.1",
      rtmp: { port: 0 },
      rtmps: { port: 0, cert, key },
    });
    const gates = new FakeGates();
    const { log } = memoryLog();
    const server = createRtmpServer({ config, publish: gates, play: gates, log, clock: systemClock });
    await assert.rejects(server.listen(), (error) => {
      assert.ok(error instanceof HoldfastError);
      assert.equal(error.code, "CONFIG_INVALID");
      assert.equal(error.message, message);
      return true;
    });
    await assert.rejects(
      new Promise((resolve, reject) => {
        const [host, port] = server.address.split(":");
        connectPlain({ host: host as string, port: Number(port) }, () => resolve(undefined)).on(
          "error",
          reject,
        );
      }),
      "the RTMP port is closed again",
    );
  }
  await other.remove();
});
