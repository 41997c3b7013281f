import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { connectionCommand } from "../../src/media/rtmp/commands.ts";
import { streamEof } from "../../src/media/rtmp/control.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { isInstalled, Program } from "../support/run-program.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { startPull } from "../support/start-pull.ts";
import { waitFor } from "../support/wait.ts";
import { accepted, onStatus, startWireServer, type WirePeer } from "../support/wire-server.ts";

const md5 = (text: string): string => createHash("md5").update(text).digest("base64");
const media = (timestamp: number, payload: Buffer): RtmpMessage => ({
  type: 9,
  streamId: 1,
  chunkStreamId: 6,
  timestamp,
  payload,
});

/** A server that wants to know who pulls, as Adobe's do; it knows anna, whose password is `pass word`. */
async function startAdobe(t: TestContext, opaque: string) {
  const connects: string[] = [];
  const server = await startWireServer(async (peer: WirePeer) => {
    const { transaction, args } = await peer.next("connect");
    const { app, tcUrl } = args[0] as { app: string; tcUrl: string };
    connects.push(app);
    const refuse = (description: string) => {
      const info = { level: "error", code: "NetConnection.Connect.Rejected", description };
      peer.send(connectionCommand("_error", transaction, null, info));
    };
    const head = "[ AccessManager.Reject ] : ";
    const query = new URLSearchParams(app.slice(app.indexOf("?") + 1).replaceAll("+", "%2B"));
    assert.ok(tcUrl.endsWith(app), "both say it");
    if (!app.includes("?")) return refuse(`${head}[ code=403 need auth; authmod=adobe ] : `);
    if (query.get("user") !== "anna")
      return refuse(`${head}[ authmod=adobe ] : ?reason=nosuchuser&opaque=${opaque}`);
    const [challenge, response] = [query.get("challenge"), query.get("response")];
    if (response === null)
      return refuse(`${head}[ authmod=adobe ] : ?reason=needauth&user=anna&salt=c2E=&challenge=${opaque === "" ? "Y2hh" : opaque}&opaque=${opaque}`); // prettier-ignore
    const wanted = md5(md5("annac2E=pass word") + (opaque || "Y2hh") + challenge);
    if (response !== wanted) return refuse(`${head}[ authmod=adobe ] : ?reason=authfailed&opaque=${opaque}`);
    peer.send(accepted(transaction));
    peer.send(connectionCommand("_result", (await peer.next("createStream")).transaction, null, 1));
    await peer.next("play");
    peer.send(
      onStatus("status", "NetStream.Play.Start"),
      media(0, videoHeader("avc1")),
      media(0, videoFrame({ codec: "avc1", key: true, number: 1 })),
    );
    peer.send(
      media(40, videoFrame({ codec: "avc1", key: false, number: 2 })),
      streamEof(1),
      onStatus("status", "NetStream.Play.UnpublishNotify"),
    );
  });
  t.after(() => server.stop());
  return { server, connects, address: `127.0.0.1:${server.port}` };
}

for (const opaque of ["b3BhcXVl", ""])
  test(`a source that asks who pulls is told, by the user and the password of the URL${opaque === "" ? ", without opaque" : ""}`, async (t) => {
    const { server, connects, address } = await startAdobe(t, opaque);
    const pull = startPull(t, `rtmp://anna:pass%20word@${address}/live/cam`);
    assert.equal(await pull.said(), "ended");
    assert.deepEqual([pull.opened, pull.packets.length, connects.length], [1, 3, 3]);
    assert.equal(connects[0], "live");
    assert.equal(server.failure, undefined);
    await waitFor(() => server.peers.every(({ closed }) => closed));
    assert.doesNotMatch(JSON.stringify(pull.lines), /anna|pass|authmod/);
  });

test("a source that does not know the user or the password refuses, and is not asked again", async (t) => {
  const { connects, address } = await startAdobe(t, "b3BhcXVl");
  for (const [login, said, times] of [
    ["anna:wrong@", /^SOURCE_REFUSED: the source does not know this user and password$/, 3],
    ["bert:pass%20word@", /^SOURCE_REFUSED: the source does not know this user and password$/, 2],
    ["", /^SOURCE_REFUSED: the source asks for a user and a password$/, 1],
  ] as const) {
    connects.length = 0;
    const pull = startPull(t, `rtmp://${login}${address}/live/cam`);
    assert.match(await pull.said(), said);
    assert.equal(connects.length, times);
    assert.doesNotMatch(JSON.stringify([pull.lines, await pull.end]), /anna|bert|wrong/);
  }
});

test(
  "FFmpeg logs in at the same server the same way",
  { skip: isInstalled("ffmpeg") ? false : "ffmpeg is not installed" },
  async (t) => {
    const { connects, address } = await startAdobe(t, "b3BhcXVl");
    // FFmpeg takes the password as it is written.
    const args = [
      "-v",
      "error",
      "-i",
      `rtmp://anna:pass word@${address}/live/cam`,
      "-c",
      "copy",
      "-f",
      "null",
      "-",
    ];
    const ffmpeg = new Program("ffmpeg", "ffmpeg", args, { timeoutMs: 60_000 });
    t.after(() => ffmpeg.stop());
    await waitFor(() => connects.length >= 3 || !ffmpeg.running, { within: 30_000, what: "three connects" });
    await waitFor(() => !ffmpeg.running, { within: 60_000, what: "the end of ffmpeg" });
    assert.ok(
      connects.length === 3 && connects[2]?.includes("response="),
      `${connects.join(" ")} ${ffmpeg.stderr}`,
    );
    assert.doesNotMatch(ffmpeg.stderr, /Incorrect|auth/i);
  },
);
