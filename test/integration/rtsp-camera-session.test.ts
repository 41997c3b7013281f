import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import pino from "pino";
import { configSchema } from "../../src/config/schema.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import {
  AAC_SDP,
  CameraServer,
  G711_SDP,
  sdpOf,
  VIDEO_SDP,
  type CameraScript,
} from "../support/camera-server.ts";
import { goodbye, interleaved, PictureSender } from "../support/rtp.ts";
import { framesOf, runRtspPull, type RtspPullCase } from "../support/run-rtsp-pull.ts";
import { waitFor } from "../support/wait.ts";

const LOGIN = "admin:s%C3%A9cret%2F%221%22";
const PASSWORD = 'sécret/"1"';
const MEDIA = Buffer.concat([
  new PictureSender().picture({ key: true, timestamp: 0 }),
  interleaved(1, goodbye()),
]);

async function start(t: TestContext, script: CameraScript): Promise<CameraServer> {
  const camera = await CameraServer.start(script);
  t.after(() => camera.stop());
  return camera;
}

function withLogin(url: string): string {
  return url.replace("//", `//${LOGIN}@`);
}

/** How a pull ends. @returns code and text of its error */
async function endOf(t: TestContext, script: CameraScript, test?: RtspPullCase): Promise<string> {
  const camera = await start(t, script);
  const error = await runRtspPull(t, withLogin(camera.url), test).end;
  assert.ok(error instanceof HoldfastError, String(error));
  assert.ok(!JSON.stringify([error.message, error.context]).includes("cret"), error.message);
  await waitFor(() => camera.open === 0, { within: 20_000 });
  return `${error.code}: ${error.message}`;
}

void test("a camera that says no is told apart from one that cannot", async (t) => {
  const says =
    (method: string, status: string): NonNullable<CameraScript["reply"]> =>
    (request) =>
      request.method === method ? { status } : undefined;
  const basic = { "WWW-Authenticate": 'Basic realm="a"' };
  for (const [script, wanted] of [
    [
      { reply: says("DESCRIBE", "404 Stream Not Found") },
      /^SOURCE_REFUSED: .*DESCRIBE with 404 Stream Not Found/,
    ],
    [{ reply: says("DESCRIBE", `403 ${PASSWORD}`) }, /^SOURCE_REFUSED: .*DESCRIBE with 403$/],
    [{ reply: says("SETUP", "461 Unsupported Transport") }, /^SOURCE_UNSUPPORTED: .*SETUP with 461/],
    [{ reply: says("PLAY", "454 Session Not Found") }, /^SOURCE_REFUSED: .*PLAY with 454/],
    [
      { reply: () => ({ status: "401 Unauthorized", headers: basic }) },
      /^SOURCE_REFUSED: .*does not know this user/,
    ],
    [{ sdp: sdpOf(G711_SDP) }, /^SOURCE_UNSUPPORTED: .*only PCMU/],
    [{ sdp: sdpOf(AAC_SDP.replace("mpeg4-generic", "MP4A-LATM")) }, /^SOURCE_UNSUPPORTED: .*MP4A-LATM/],
    [{ sdp: "" }, /^SOURCE_UNSUPPORTED: .*neither video nor audio/],
    [
      {
        reply: ({ method }) =>
          method === "SETUP" ? { headers: { Transport: "RTP/AVP;unicast;client_port=1-2" } } : undefined,
      },
      /^SOURCE_UNSUPPORTED: .*over TCP/,
    ],
  ] satisfies [CameraScript, RegExp][])
    assert.match(await endOf(t, script), wanted);
});

void test("whatever a camera sends instead of RTSP ends the pull, and takes no memory", async (t) => {
  const describe = (bytes: string | Buffer): CameraScript => ({
    reply: ({ method }) => (method === "DESCRIBE" ? Buffer.from(bytes) : undefined),
  });
  for (const [script, wanted] of [
    [
      describe("RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 999999999\r\n\r\n"),
      /^SOURCE_FAILED: .*too long a body/,
    ],
    [describe("RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: -1\r\n\r\n"), /^SOURCE_FAILED: .*no number/],
    [describe(`RTSP/1.0 200 OK\r\nX: ${"x".repeat(20_000)}`), /^SOURCE_FAILED: .*too long a header/],
    [describe(`RTSP/1.0 200 OK\r\n${"A: b\r\n".repeat(200)}\r\n`), /^SOURCE_FAILED: .*too many headers/],
    [describe("HTTP/1.1 200 OK\r\n\r\n"), /^SOURCE_FAILED: .*not RTSP/],
    [describe(Buffer.from([0x80, 1, 2, 3])), /^SOURCE_FAILED: .*neither RTSP/],
    [{ media: Buffer.from([0, 1]) }, /^SOURCE_FAILED: .*neither RTSP/],
    [{ onMedia: (socket) => socket.destroy() }, /^SOURCE_FAILED: .*closed the connection/],
  ] satisfies [CameraScript, RegExp][])
    assert.match(await endOf(t, script), wanted);
});

void test("a picture without end is given up at the limit", async (t) => {
  const sender = new PictureSender();
  const parts = Array.from({ length: 100 }, (_, index) =>
    sender.packet(
      Buffer.concat([Buffer.from([0x7c, index === 0 ? 0x85 : 0x05]), Buffer.alloc(1_000)]),
      0,
      false,
    ),
  );
  const limits = { ...configSchema.parse({}).limits, messageAfterPublish: 65_536 };
  assert.match(await endOf(t, { media: Buffer.concat(parts) }, { limits }), /^SOURCE_FAILED: .*too large/);
});

void test("a camera that does not answer, or is not there, is told apart", async (t) => {
  const quick = { connectTimeout: 300 };
  assert.match(
    await endOf(t, { reply: () => "silence" }, quick),
    /^SOURCE_FAILED: .*did not answer within 300 ms/,
  );
  const camera = await CameraServer.start({});
  const { url } = camera;
  await camera.stop();
  const error = await runRtspPull(t, url).end;
  assert.ok(error instanceof HoldfastError && error.code === "SOURCE_UNREACHABLE");
});

void test("sound that cannot be passed on is left out, with one line in the log", async (t) => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
  const camera = await start(t, { sdp: sdpOf(G711_SDP, VIDEO_SDP()), media: MEDIA });
  const pull = runRtspPull(t, withLogin(camera.url), { log });
  assert.equal(await pull.end, undefined);
  assert.equal(framesOf(pull.packets, "video").length, 1);
  assert.equal(camera.methods().filter((method) => method === "SETUP").length, 1);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /"codecs":\["PCMU"\].*tracks of the source were left out/);
  assert.ok(!/admin|cret/.test(lines[0] ?? ""));
});

void test("a session is kept alive, in the way that the camera knows", async (t) => {
  const camera = await start(t, {
    media: new PictureSender().picture({ key: true, timestamp: 0 }),
    reply({ method, headers }) {
      const Session = "77;timeout=2";
      if (method === "SETUP") return { headers: { Session, Transport: headers.get("transport") ?? "" } };
      return method === "GET_PARAMETER" ? { status: "501 Not Implemented" } : undefined;
    },
  });
  const gone = new HoldfastError("STOPPING");
  const pull = runRtspPull(t, camera.url);
  await waitFor(() => camera.methods().slice(5).includes("OPTIONS"), { within: 20_000 });
  pull.abort(gone);
  assert.equal(await pull.end, gone);
  assert.deepEqual(
    camera.methods().slice(0, 6),
    "OPTIONS DESCRIBE SETUP PLAY GET_PARAMETER OPTIONS".split(" "),
  );
  assert.equal(camera.methods().at(-1), "TEARDOWN");
  assert.ok(camera.requests.slice(3).every(({ headers }) => headers.get("session") === "77"));
  assert.ok(camera.packets.some(({ channel, data }) => channel === 1 && data[1] === 201));
  await waitFor(() => camera.open === 0, { within: 20_000 });
});

void test("a camera that ends the session in order ends the pull in order", async (t) => {
  const camera = await start(t, {
    media: new PictureSender().picture({ key: true, timestamp: 0 }),
    onMedia: (socket) => socket.write("TEARDOWN rtsp://x/ RTSP/1.0\r\nCSeq: 9\r\n\r\n"),
  });
  assert.equal(await runRtspPull(t, camera.url).end, undefined);
});

void test("a pull is over at once although the camera does not hear the goodbye", async (t) => {
  const camera = await start(t, {
    media: new PictureSender().picture({ key: true, timestamp: 0 }),
    reply: ({ method }) => (method === "TEARDOWN" ? "silence" : undefined),
  });
  const full = new Error("the sink takes no more");
  const pull = runRtspPull(t, camera.url, {
    onPacket: ({ type }) => {
      if (type === "video") throw full;
    },
  });
  assert.equal(await pull.end, full);
  assert.equal(pull.packets.filter(({ type }) => type === "video").length, 1);
  await waitFor(() => camera.open === 0, { within: 20_000 });
});
