import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import type { AmfObject } from "../../src/media/rtmp/amf0.ts";
import { connectionCommand } from "../../src/media/rtmp/commands.ts";
import { streamEof } from "../../src/media/rtmp/control.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { redirectMessage } from "../../src/media/rtmp/redirect.ts";
import { startPull } from "../support/start-pull.ts";
import { waitFor } from "../support/wait.ts";
import { accepted, onStatus, startWireServer, type WirePeer } from "../support/wire-server.ts";

const message = (type: number, timestamp: number, payload: Buffer): RtmpMessage => ({
  type,
  streamId: 1,
  chunkStreamId: type === 9 ? 6 : type === 8 ? 4 : 5,
  timestamp,
  payload,
});
const start = onStatus("status", "NetStream.Play.Start");
const frame = message(9, 40, Buffer.from("1701", "hex"));
const hasty = { ingest: { connectTimeout: "300ms", idleTimeout: "500ms" } } as const;

/** A source that does as the script says from `play` on; the URL of its stream `live/cam`. */
async function sourceFor(t: TestContext, script: (peer: WirePeer) => Promise<void> | void) {
  const server = await startWireServer(async (peer) => {
    await peer.accept("play");
    await script(peer);
  });
  t.after(() => server.stop());
  return { server, address: `127.0.0.1:${server.port}`, url: `rtmp://127.0.0.1:${server.port}/live/cam` };
}

const redirect = (ex: AmfObject, form: "standard" | "srs" = "standard") => {
  const code = form === "srs" ? "NetConnection.Connect.Rejected" : "NetStream.Play.StreamNotFound";
  return onStatus("error", code, "RTMP 302 Redirect", { ex: { code: 302, ...ex } });
};
const playOf = (peer: WirePeer | undefined) => peer?.commands.find(({ name }) => name === "play")?.args[1];
const connectOf = (peer: WirePeer | undefined) =>
  peer?.commands.find(({ name }) => name === "connect")?.args[0] as Record<string, unknown>;

describe("a pull of an rtmp source", () => {
  test("delivers metadata, headers and frames as they come, and ends with the stream", async (t) => {
    const metadata = encodeAmf0("onMetaData", { width: 640 });
    const { server, url } = await sourceFor(t, async (peer) => {
      peer.send(
        onStatus("status", "NetStream.Play.Reset"),
        message(18, 0, encodeAmf0("|RtmpSampleAccess", true, true)),
        start,
        message(18, 0, metadata),
        message(9, 0, Buffer.from("9068766331aa", "hex")),
        message(8, 0, Buffer.alloc(0)),
        frame,
      );
      await waitFor(() => pull.packets.length === 3);
      peer.send(
        message(8, 41, Buffer.from("af01", "hex")),
        message(18, 42, encodeAmf0("@setDataFrame", "onCuePoint", 1)),
      );
      peer.send(streamEof(1));
    });
    const pull = startPull(t, `${url}?token=a/b&x=1`);
    assert.equal(await pull.said(), "ended");
    assert.equal(pull.opened, 1);
    assert.deepEqual(pull.packets, [
      { type: "data", timestamp: 0, payload: metadata },
      { type: "video", timestamp: 0, payload: Buffer.from("9068766331aa", "hex") },
      { type: "video", timestamp: 40, payload: frame.payload },
      { type: "audio", timestamp: 41, payload: Buffer.from("af01", "hex") },
      { type: "data", timestamp: 42, payload: encodeAmf0("onCuePoint", 1) },
    ]);
    const [peer] = server.peers;
    assert.equal(playOf(peer), "cam?token=a/b&x=1");
    assert.deepEqual([connectOf(peer)["app"], connectOf(peer)["tcUrl"]], ["live", url.replace("/cam", "")]);
    await waitFor(() => peer?.closed);
    assert.doesNotMatch(JSON.stringify(pull.lines), /a\/b/);
  });

  test("is opened by the first media of a server that never says that it plays", async (t) => {
    const { url } = await sourceFor(t, (peer) =>
      peer.send(message(18, 0, encodeAmf0("onMetaData", {})), frame),
    );
    const pull = startPull(t, url);
    await waitFor(() => pull.packets.length === 2);
    assert.equal(pull.opened, 1);
    assert.deepEqual(
      pull.packets.map(({ type }) => type),
      ["data", "video"],
    );
  });

  test("sends names as people write them: a deep app, and escapes taken off", async (t) => {
    const { server, address } = await sourceFor(t, (peer) => peer.send(start, streamEof(1)));
    assert.equal(await startPull(t, `rtmp://${address}/a/b%20c/cam%C3%BC`).said(), "ended");
    assert.deepEqual([connectOf(server.peers[0])["app"], playOf(server.peers[0])], ["a/b c", "camü"]);
  });
});

describe("a pull of an rtmp source that is redirected", () => {
  const forms: readonly [name: string, ex: (to: string) => AmfObject, name: string][] = [
    ["the standard form", (to) => ({ redirect: `rtmp://${to}/live`, redirect2: `rtmp://${to}/live/cam?token=abc` }), "cam?token=abc"],
    ["another stream", (to) => ({ redirect2: `rtmp://${to}/live/other cam` }), "other cam"],
    ["a tcUrl alone", (to) => ({ redirect: `rtmp://${to}/live` }), "cam?token=abc"],
    ["a server alone", (to) => ({ redirect: `rtmp://${to}` }), "cam?token=abc"],
    ["old SRS, with the whole URL in redirect", (to) => ({ redirect: `rtmp://${to}/live/cam?token=abc` }), "cam?token=abc"],
  ]; // prettier-ignore
  for (const [name, ex, asked] of forms)
    test(`follows ${name}`, async (t) => {
      const there = await sourceFor(t, (peer) => peer.send(start, frame, streamEof(1)));
      const here = await sourceFor(t, (peer) => peer.send(redirect(ex(there.address))));
      const pull = startPull(t, `${here.url}?token=abc`);
      assert.equal(await pull.said(), "ended");
      assert.deepEqual([pull.opened, pull.packets.length], [1, 1]);
      assert.equal(playOf(there.server.peers[0]), asked);
      assert.equal(connectOf(there.server.peers[0])["app"], "live");
      await waitFor(() => here.server.peers[0]?.closed);
      assert.doesNotMatch(JSON.stringify(pull.lines), /abc/);
    });

  for (const form of ["standard", "srs"] as const)
    test(`follows what an origin of ours sends in the form ${form}, and asks for the same stream`, async (t) => {
      const key = parseStreamKey("live/de/kamera ü 100%");
      const there = await sourceFor(t, (peer) => peer.send(start, frame, streamEof(1)));
      const here = await sourceFor(t, (peer) => {
        const where = { scheme: "rtmp", address: there.address, key, query: "token=a/b" } as const;
        peer.send(redirectMessage({ streamId: 1, form, ...where }));
      });
      const pull = startPull(t, `rtmp://${here.address}/live/de/kamera%20%C3%BC%20100%25?token=a/b`);
      assert.equal(await pull.said(), "ended");
      const [peer] = there.server.peers;
      assert.deepEqual([connectOf(peer)["app"], playOf(peer)], ["live/de", "kamera ü 100%?token=a/b"]);
    });

  test("follows SRS, which says that the play has begun before", async (t) => {
    const there = await sourceFor(t, async (peer) => {
      // Longer than the silence that a source may keep: nobody waits for the first one any more.
      await new Promise((resolve) => setTimeout(resolve, 800));
      peer.send(start, frame, streamEof(1));
    });
    const here = await sourceFor(t, async (peer) => {
      peer.send(onStatus("status", "NetStream.Play.Reset"), start);
      await waitFor(() => pull.opened === 1);
      const away = redirect(
        { redirect: `rtmp://${there.address}/live`, redirect2: `rtmp://${there.address}/live/cam` },
        "srs",
      );
      peer.send({ ...away, streamId: 0 });
    });
    const pull = startPull(t, here.url, { config: { ingest: { idleTimeout: "500ms" } } });
    assert.equal(await pull.said(), "ended");
    assert.deepEqual([pull.opened, pull.packets.length], [1, 1]);
  });

  test("follows a redirect in the answer to connect", async (t) => {
    const there = await sourceFor(t, (peer) => peer.send(start, frame, streamEof(1)));
    const here = await startWireServer(async (peer) => {
      const { transaction } = await peer.next("connect");
      const ex = { code: 302, redirect: `rtmp://${there.address}/live` };
      peer.send(connectionCommand("_error", transaction, null, { level: "error", code: "NetConnection.Connect.Rejected", description: "302", ex })); // prettier-ignore
    });
    t.after(() => here.stop());
    assert.equal(await startPull(t, `rtmp://127.0.0.1:${here.port}/live/cam`).said(), "ended");
  });

  test("three times, and never in a circle", async (t) => {
    const chain: { url: string; server: { peers: readonly WirePeer[] } }[] = [];
    for (let n = 0; n < 5; n++) {
      const next = chain[n - 1]?.url;
      chain.push(await sourceFor(t, (peer) => peer.send(...(next === undefined ? [start, frame, streamEof(1)] : [redirect({ redirect2: next })])))); // prettier-ignore
    }
    assert.equal(await startPull(t, chain[3]?.url ?? "").said(), "ended");
    assert.match(await startPull(t, chain[4]?.url ?? "").said(), /^SOURCE_REFUSED: the source redirects the pull more than 3 times$/); // prettier-ignore
    const self = await sourceFor(t, (peer) => peer.send(redirect({ redirect2: `${self.url}?secret=5678` })));
    assert.match(await startPull(t, `${self.url}?secret=5678`).said(), /^SOURCE_REFUSED: .* in a circle$/);
    assert.equal(self.server.peers.length, 1);
  });

  test("only to rtmp and rtmps, and only from the beginning", async (t) => {
    for (const [to, said] of [
      ["http://127.0.0.1/live/cam.flv", /http:, which is not followed/],
      ["exec:cat /etc/passwd", /exec:, which is not followed/],
      ["rtmp://", /what is no URL of a source/],
      ["gopher://127.0.0.1/live/cam", /what is no URL of a source/],
    ] as const) {
      const { url } = await sourceFor(t, (peer) => peer.send(redirect({ redirect2: to })));
      const end = await startPull(t, url).said();
      assert.match(end, /^SOURCE_REFUSED: /);
      assert.match(end, said);
    }
    const late = await sourceFor(t, async (peer) => {
      peer.send(start, frame);
      await waitFor(() => pull.packets.length === 1);
      peer.send(redirect({ redirect2: "rtmp://127.0.0.1:1/live/cam" }));
    });
    const pull = startPull(t, late.url);
    assert.match(await pull.said(), /^SOURCE_FAILED: .*RTMP 302 Redirect/);
  });
});

describe("a pull of an rtmp source fails", () => {
  const refusals: readonly [name: string, answer: RtmpMessage, said: RegExp][] = [
    ["nobody publishes", onStatus("error", "NetStream.Play.StreamNotFound", "no stream"), /NetStream.Play.StreamNotFound: no stream$/],
    ["the refusal comes as a status", onStatus("status", "NetStream.Play.StreamNotFound", "no stream"), /no stream$/],
    ["the refusal is an _error", connectionCommand("_error", 3, null, { level: "error", code: "NetStream.Play.Failed", description: "no" }), /NetStream.Play.Failed: no$/],
    ["its words repeat the token", onStatus("error", "NetStream.Play.Failed", "bad token a b+c in ?token=a%20b+c"), /refused the stream: NetStream.Play.Failed$/],
    ["its words repeat the password", onStatus("error", "NetStream.Play.Failed", "bad password pa:ss"), /refused the stream: NetStream.Play.Failed$/],
    ["its words are of many lines", onStatus("error", "NetStream.Play.Failed", `no\r\n\u001b[31m${"x".repeat(400)}`), /NetStream.Play.Failed: no \[31mx{100,200}$/],
  ]; // prettier-ignore
  for (const [name, answer, said] of refusals)
    test(`with SOURCE_REFUSED when ${name}`, async (t) => {
      const { server, address } = await sourceFor(t, (peer) => peer.send(answer));
      const pull = startPull(t, `rtmp://us%40er:pa%3Ass@${address}/live/cam?token=a%20b+c`);
      const end = await pull.said();
      assert.match(end, /^SOURCE_REFUSED: the source refused the stream: /);
      assert.match(end, said);
      assert.equal(pull.opened, 0);
      await waitFor(() => server.peers[0]?.closed);
      assert.doesNotMatch(JSON.stringify([pull.lines, await pull.end]), /a%20b|us@er|us%40er|pa:ss|pa%3Ass/);
    });

  test("with SOURCE_UNREACHABLE when nobody is there, says nothing, or is of no RTMP", async (t) => {
    assert.match(
      await startPull(t, "rtmp://127.0.0.1:1/live/cam").said(),
      /^SOURCE_UNREACHABLE: .*ECONNREFUSED/,
    );
    assert.match(await startPull(t, "rtmp://nowhere.invalid/live/cam").said(), /^SOURCE_UNREACHABLE: .*nowhere\.invalid/); // prettier-ignore
    const mute = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
    t.after(() => mute.close());
    await waitFor(() => mute.listening);
    const { port } = mute.address() as AddressInfo;
    const began = performance.now();
    const pull = startPull(t, `rtmp://127.0.0.1:${port}/live/cam`, { config: hasty });
    assert.match(await pull.said(), /^SOURCE_UNREACHABLE: /);
    assert.ok(performance.now() - began < 20_000);
    const web = createServer((socket) =>
      socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    web.listen(0, "127.0.0.1");
    t.after(() => web.close());
    await waitFor(() => web.listening);
    const { port: other } = web.address() as AddressInfo;
    assert.match(
      await startPull(t, `rtmp://127.0.0.1:${other}/live/cam`).said(),
      /^SOURCE_UNREACHABLE: .*RTMP version/,
    );
  });

  test("with SOURCE_FAILED when it does not answer in time, each step and all together", async (t) => {
    const silent = await startWireServer(async (peer) => void (await peer.next("connect")));
    t.after(() => silent.stop());
    const first = startPull(t, `rtmp://127.0.0.1:${silent.port}/live/cam`, { config: hasty });
    assert.match(await first.said(), /^SOURCE_FAILED: .*did not answer/);
    // Each answer just in time, and all of them too late.
    const slow = await startWireServer(async (peer) => {
      const pause = () => new Promise((resolve) => setTimeout(resolve, 700));
      await pause();
      peer.send(accepted((await peer.next("connect")).transaction));
      await pause();
      peer.send(connectionCommand("_result", (await peer.next("createStream")).transaction, null, 1));
    });
    t.after(() => slow.stop());
    const second = startPull(t, `rtmp://127.0.0.1:${slow.port}/live/cam`, {
      config: { ingest: { connectTimeout: "1s" } },
    });
    assert.match(await second.said(), /^SOURCE_FAILED: the source did not answer within 1000 ms$/);
  });

  test("with SOURCE_FAILED when it falls silent, whatever else it says", async (t) => {
    const chatter = (peer: WirePeer) => {
      const timer = setInterval(() => peer.send(message(18, 0, encodeAmf0("onMetaData", {}))), 50);
      t.after(() => clearInterval(timer));
    };
    const never = await sourceFor(t, (peer) => {
      peer.send(start);
      chatter(peer);
    });
    const first = startPull(t, never.url, { config: hasty });
    assert.match(await first.said(), /^SOURCE_FAILED: the source sends no media for 500 ms$/);
    assert.equal(first.opened, 1);
    const later = await sourceFor(t, (peer) => {
      peer.send(start, frame);
      chatter(peer);
    });
    assert.match(await startPull(t, later.url, { config: hasty }).said(), /^SOURCE_FAILED: the source sends no more media for 500 ms$/); // prettier-ignore
    for (const { server } of [never, later]) await waitFor(() => server.peers[0]?.closed);
  });

  test("with SOURCE_FAILED when the connection breaks or the bytes make no sense", async (t) => {
    const breaks: readonly [name: string, last: (peer: WirePeer) => void][] = [
      ["FIN", (peer) => peer.close()],
      ["RST", (peer) => peer.reset()],
      ["noise", (peer) => peer.send(Buffer.alloc(64, 0xff))],
      ["an error", (peer) => peer.send(onStatus("error", "NetStream.Play.Failed", "over"))],
      ["too long a message", (peer) => peer.send(Buffer.from("06000000fffffe0901000000", "hex"))],
    ];
    for (const [name, last] of breaks) {
      const { url, server } = await sourceFor(t, async (peer) => {
        peer.send(start, frame);
        await waitFor(() => pull.packets.length === 1);
        last(peer);
      });
      const pull = startPull(t, url, { config: { limits: { messageAfterPublish: "64KB" } } });
      assert.match(await pull.said(), /^SOURCE_FAILED: /, name);
      await waitFor(() => server.peers[0]?.closed);
    }
  });

  test("when it sends more messages than are allowed, or data instead of an answer", async (t) => {
    const many = Array.from({ length: 200 }, () => frame);
    const flood = await sourceFor(t, (peer) => peer.send(start, ...many));
    const pull = startPull(t, flood.url, { config: { limits: { messagesPerSecond: 100 } } });
    assert.match(await pull.said(), /^SOURCE_FAILED: .*too many messages/);
    assert.ok(pull.packets.length <= 110);
    const data = message(18, 0, encodeAmf0("onMetaData", {}));
    const vague = await sourceFor(t, (peer) => peer.send(...Array.from({ length: 65 }, () => data)));
    const other = startPull(t, vague.url);
    assert.match(await other.said(), /^SOURCE_FAILED: the source sends data instead of an answer$/);
    assert.deepEqual([other.opened, other.packets.length], [0, 0]);
    const long = message(18, 0, Buffer.concat([encodeAmf0("onMetaData"), Buffer.alloc(600_000)]));
    const wordy = await sourceFor(t, (peer) => peer.send(long, long));
    assert.match(await startPull(t, wordy.url).said(), /^SOURCE_FAILED: the source sends data instead of/);
  });

  test("with what the sink throws, and delivers nothing after it", async (t) => {
    const { server, url } = await sourceFor(t, (peer) => peer.send(start, frame, frame, frame));
    const full = new HoldfastError("LEASE_LOST");
    const pull = startPull(t, url, {
      onPacket: () => {
        throw full;
      },
    });
    assert.equal(await pull.end, full);
    assert.equal(pull.packets.length, 1);
    const unwanted = startPull(t, url, {
      onOpened: () => {
        throw full;
      },
    });
    assert.equal(await unwanted.end, full);
    assert.equal(unwanted.packets.length, 0);
    await waitFor(() => server.peers.length === 2 && server.peers.every(({ closed }) => closed));
  });

  test("at once with the signal's reason, and delivers nothing after it", async (t) => {
    const reason = new HoldfastError("STOPPING");
    const { server, url } = await sourceFor(t, (peer) => peer.send(start, frame, frame, frame));
    const pull = startPull(t, url, { onPacket: () => pull.abort(reason) });
    assert.equal(await pull.end, reason);
    assert.equal(pull.packets.length, 1, "the rest of the same read is not delivered");
    const silent = await sourceFor(t, () => undefined);
    const early = startPull(t, silent.url);
    await waitFor(() => playOf(silent.server.peers[0]) !== undefined);
    early.abort(reason);
    assert.equal(await early.end, reason);
    for (const { peers } of [server, silent.server]) await waitFor(() => peers[0]?.closed);
  });
});
