import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { describe, test, type TestContext } from "node:test";
import type { TlsOptions } from "node:tls";
import { dial, RtmpClient } from "../../src/media/rtmp/client.ts";
import type { DialOptions } from "../../src/media/rtmp/client-options.ts";
import { connectionCommand, streamCommand } from "../../src/media/rtmp/commands.ts";
import { pingRequest, readControlNumber, streamEof, windowAckSize } from "../../src/media/rtmp/control.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { makeCertificate } from "../support/make-certificate.ts";
import { waitFor } from "../support/wait.ts";
import { accepted, onStatus, startWireServer, type WirePeer } from "../support/wire-server.ts";

const LIMITS = {
  messageBytes: 1 << 20,
  chunkStreams: 32,
  halfReceivedBytes: 1 << 22,
  amf: { depth: 16, elements: 1_024 },
};
const never = new AbortController().signal;
const media = (type: number, timestamp: number, bytes: number): RtmpMessage => ({
  type,
  streamId: 1,
  chunkStreamId: type === 9 ? 6 : 4,
  timestamp,
  payload: Buffer.alloc(bytes, timestamp),
});

function options(port: number, change: Partial<DialOptions> = {}): DialOptions {
  const tcUrl = `rtmp://127.0.0.1:${port}/live`;
  return {
    host: "127.0.0.1",
    port,
    app: "live",
    tcUrl,
    timeoutMs: 5_000,
    limits: LIMITS,
    signal: never,
    ...change,
  };
}

/** A server with this script, stopped after the test, and the options to dial it. */
async function serverFor(t: TestContext, script: (peer: WirePeer) => Promise<void> | void) {
  const server = await startWireServer(script);
  t.after(() => server.stop());
  return { server, options: (change?: Partial<DialOptions>) => options(server.port, change) };
}

const ignore = () => undefined;

describe("the RTMP client plays", () => {
  test("step by step: connect, createStream, play, media in order", async (t) => {
    const sent = [media(8, 1, 10), media(9, 5, 3_000), media(18, 6, 20)];
    const { server, options } = await serverFor(t, async (peer) => {
      const play = await peer.accept("play", 7);
      assert.deepEqual(play.args, [null, "cam?token=a/b", -2_000]);
      peer.send(
        onStatus("status", "NetStream.Play.Reset"),
        onStatus("status", "NetStream.Play.Start"),
        ...sent,
      );
    });
    const client = await dial(options({ connectExtras: { flashVer: "test", more: 1 } }));
    t.after(() => client.destroy());
    const got: RtmpMessage[] = [];
    assert.deepEqual(await client.play("cam?token=a/b", (message) => got.push(message)), {
      outcome: "started",
    });
    await waitFor(() => got.length === 3);
    assert.deepEqual(got.map(({ type, timestamp, payload }) => [type, timestamp, payload]), sent.map(({ type, timestamp, payload }) => [type, timestamp, payload])); // prettier-ignore
    const connect = server.peers[0]?.commands[0]?.args[0] as Record<string, unknown>;
    assert.equal(connect["app"], "live");
    assert.equal(connect["tcUrl"], `rtmp://127.0.0.1:${server.port}/live`);
    assert.deepEqual([connect["flashVer"], connect["more"], connect["objectEncoding"]], ["test", 1, 0]);
    const play = server.peers[0]?.messages.find((message) => message.type === 20 && message.streamId === 7);
    assert.ok(play, "play is sent on the stream that the server made");
    assert.equal(server.failure, undefined);
  });

  test("waiting for the answer to connect, unless asked not to", async (t) => {
    const { server, options } = await serverFor(t, async (peer) => {
      const { transaction } = await peer.next("connect");
      assert.equal(peer.commands.length, 1, "nothing else has come");
      peer.send(accepted(transaction));
      peer.send(connectionCommand("_result", (await peer.next("createStream")).transaction, null, 3));
      await peer.next("play");
      peer.send(onStatus("status", "NetStream.Play.Start"));
    });
    const client = new RtmpClient(options());
    t.after(() => client.destroy());
    assert.deepEqual(await client.play("cam", ignore), { outcome: "started" });
    assert.equal(server.failure, undefined);
  });

  test("in one flight, when asked to", async (t) => {
    const { options } = await serverFor(t, async (peer) => {
      const connect = await peer.next("connect");
      const create = await peer.next("createStream");
      await peer.next("play");
      peer.send(
        accepted(connect.transaction),
        connectionCommand("_result", create.transaction, null, 1),
        onStatus("status", "NetStream.Play.Start"),
        media(9, 0, 10),
      );
    });
    const client = new RtmpClient(options());
    t.after(() => client.destroy());
    const got: RtmpMessage[] = [];
    assert.deepEqual(await client.play("cam", (message) => got.push(message), { pipelined: true }), {
      outcome: "started",
    });
    assert.equal(got.length, 1);
  });

  test("from a server that sends media without a word", async (t) => {
    const { options } = await serverFor(t, async (peer) => {
      await peer.accept("play");
      peer.send(media(8, 0, 10));
    });
    const client = await dial(options());
    t.after(() => client.destroy());
    assert.deepEqual(await client.play("cam", ignore), { outcome: "started" });
  });

  test("data of AMF3 clothing as plain data", async (t) => {
    const { options } = await serverFor(t, async (peer) => {
      await peer.accept("play");
      peer.send(onStatus("status", "NetStream.Play.Start"), {
        ...media(15, 0, 0),
        payload: Buffer.from([0, 2, 0, 1, 97]),
      });
    });
    const client = await dial(options());
    t.after(() => client.destroy());
    const got: RtmpMessage[] = [];
    await client.play("cam", (message) => got.push(message));
    await waitFor(() => got.length === 1);
    assert.deepEqual([got[0]?.type, got[0]?.payload.toString("hex")], [18, "02000161"]);
  });
});

describe("the RTMP client is told no", () => {
  const refusals: readonly [name: string, answer: (transaction: number) => RtmpMessage, code: string][] = [
    ["by an error", () => onStatus("error", "NetStream.Play.Failed", "no"), "NetStream.Play.Failed"],
    ["by a code of level status", () => onStatus("status", "NetStream.Play.StreamNotFound", "no"), "NetStream.Play.StreamNotFound"],
    ["by a failed call", (transaction) => streamCommand(1, "_error", transaction, null, { level: "error", code: "x", description: "no" }), "x"],
  ]; // prettier-ignore
  for (const [name, answer, code] of refusals)
    test(name, async (t) => {
      const { options } = await serverFor(t, async (peer) =>
        peer.send(answer((await peer.accept("play")).transaction)),
      );
      const client = await dial(options());
      t.after(() => client.destroy());
      const refusal = await client.play("cam", ignore);
      assert.equal(refusal.outcome, "refused");
      assert.equal(refusal.status.code, code);
      assert.equal(refusal.status.description, "no");
    });

  for (const [name, ex, url] of [
    ["a stream", { redirect: "rtmp://h:1/live", redirect2: "rtmp://h:1/live/cam" }, "rtmp://h:1/live/cam"],
    ["a place", { redirect: "rtmp://h:1/live" }, "rtmp://h:1/live"],
  ] as const)
    test(`and sent to ${name}`, async (t) => {
      const { options } = await serverFor(t, async (peer) => {
        await peer.accept("play");
        peer.send(onStatus("error", "NetConnection.Connect.Rejected", "302", { ex }));
      });
      const client = await dial(options());
      t.after(() => client.destroy());
      const answer = await client.play("cam", ignore);
      assert.equal(answer.outcome, "redirected");
      assert.equal(answer.url, url);
    });

  test("and sent away after Play.Start, as SRS does", async (t) => {
    const { options } = await serverFor(t, async (peer) => {
      await peer.accept("play");
      peer.send(onStatus("status", "NetStream.Play.Start"));
      peer.send(
        onStatus("error", "NetConnection.Connect.Rejected", "302", {
          ex: { redirect2: "rtmp://h/live/cam" },
        }),
      );
    });
    const client = await dial(options());
    assert.equal((await client.play("cam", ignore)).outcome, "started");
    const end = await client.ended;
    assert.deepEqual([end.how, end.redirect], ["failed", "rtmp://h/live/cam"]);
  });

  test("at connect, with the server's reason", async (t) => {
    const { options } = await serverFor(t, async (peer) => {
      const { transaction } = await peer.next("connect");
      const info = { level: "error", code: "NetConnection.Connect.Rejected", description: "not you" };
      peer.send(connectionCommand("_error", transaction, null, info));
    });
    await assert.rejects(dial(options()), { code: "RELAY_FAILED", message: /refused connect.*not you/ });
  });
});

describe("an RTMP connection of the client ends", () => {
  const ends: readonly [name: string, last: (peer: WirePeer) => void, how: string, code: string][] = [
    ["with StreamEOF", (peer) => peer.send(streamEof(1)), "finished", "STREAM_ENDED"],
    ["with UnpublishNotify", (peer) => peer.send(onStatus("status", "NetStream.Play.UnpublishNotify")), "finished", "STREAM_ENDED"],
    ["with Play.Stop", (peer) => peer.send(onStatus("status", "NetStream.Play.Stop")), "finished", "STREAM_ENDED"],
    ["with Play.Complete", (peer) => peer.send(onStatus("status", "NetStream.Play.Complete")), "finished", "STREAM_ENDED"],
    ["with an error", (peer) => peer.send(onStatus("error", "NetStream.Play.Failed", "gone")), "failed", "RELAY_FAILED"],
    ["with close", (peer) => peer.send(connectionCommand("close", 0, null)), "failed", "RELAY_FAILED"],
    ["with FIN", (peer) => peer.close(), "failed", "RELAY_FAILED"],
    ["with RST", (peer) => peer.reset(), "failed", "RELAY_FAILED"],
    ["with bytes that mean nothing", (peer) => peer.send(Buffer.alloc(64, 0xff)), "failed", "PROTOCOL_VIOLATION"],
    ["with a message that is too long", (peer) => peer.send(Buffer.from("06000000ffffff0901000000", "hex")), "failed", "LIMIT_EXCEEDED"],
  ]; // prettier-ignore
  for (const [name, last, how, code] of ends)
    test(name, async (t) => {
      const { server, options } = await serverFor(t, async (peer) => {
        await peer.accept("play");
        peer.send(onStatus("status", "NetStream.Play.Start"), media(9, 0, 5));
      });
      const client = await dial(options());
      await client.play("cam", ignore);
      last(server.peers[0] as WirePeer);
      const end = await client.ended;
      assert.equal(end.how, how);
      assert.equal((end.reason as { code?: string }).code, code);
      await assert.rejects(client.play("cam", ignore), { code });
      await waitFor(() => server.peers[0]?.closed);
    });

  test("with a time-out at every step that is not answered", async (t) => {
    const start = async (peer: WirePeer) => peer.send(accepted((await peer.next("connect")).transaction));
    const steps: readonly [what: string, script: (peer: WirePeer) => Promise<void> | void][] = [
      ["connect", ignore],
      ["createStream", start],
      ["play", async (peer) => void (await peer.accept("play"))],
    ];
    for (const [what, script] of steps) {
      const { server, options } = await serverFor(t, script);
      const play = async () => (await dial(options({ timeoutMs: 150 }))).play("cam", ignore);
      await assert.rejects(play(), { code: "TIMED_OUT", message: `the server did not answer ${what}` });
      await waitFor(() => server.peers[0]?.closed, { what: `the end of the connection after ${what}` });
    }
  });

  test(
    "however the server acknowledges the call: play and publish never wait for ever",
    { timeout: 30_000 },
    async (t) => {
      for (const command of ["play", "publish"] as const) {
        const { server, options } = await serverFor(t, async (peer) => {
          const { transaction } = await peer.accept(command);
          peer.send(connectionCommand("_result", transaction, null, null), pingRequest(7));
        });
        const acknowledged = (client: RtmpClient) =>
          command === "play" ? client.play("cam", ignore) : client.publish("cam");
        const late = await dial(options({ timeoutMs: 150 }));
        await assert.rejects(acknowledged(late), { code: "TIMED_OUT" });
        const client = await dial(options());
        const answer = assert.rejects(acknowledged(client), { code: "RELAY_FAILED" });
        // Once it has answered the ping, it has read the acknowledgement.
        await waitFor(() =>
          server.peers[1]?.messages.some(({ type, payload }) => type === 4 && payload[1] === 7),
        );
        server.peers[1]?.close();
        await answer;
        assert.equal((await client.ended).how, "failed");
      }
    },
  );

  test("with a time-out when the server accepts and says nothing at all", async (t) => {
    const silent = createServer((socket) => socket.on("error", ignore)).listen(0, "127.0.0.1");
    t.after(() => silent.close());
    await waitFor(() => silent.listening);
    const { port } = silent.address() as { port: number };
    await assert.rejects(dial(options(port, { timeoutMs: 100 })), { code: "TIMED_OUT" });
  });

  test("before it began, when nobody listens or it is no RTMP server", async (t) => {
    const other = createServer((socket) =>
      socket.on("error", ignore).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    t.after(() => other.close());
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    await assert.rejects(dial(options(port)), {
      code: "PROTOCOL_VIOLATION",
      message: /another RTMP version/,
    });
    await assert.rejects(dial(options(1)), {
      code: "RELAY_FAILED",
      message: /127\.0\.0\.1:1 failed.*ECONNREFUSED/,
    });
  });

  test("at once when the signal is aborted, whatever it was doing", async (t) => {
    const reason = new Error("no longer wanted");
    const steps: readonly [seen: string, script: (peer: WirePeer) => Promise<void> | void][] = [
      ["connect", ignore],
      ["createStream", async (peer) => peer.send(accepted((await peer.next("connect")).transaction))],
      ["play", async (peer) => void (await peer.accept("play").catch(ignore))],
    ];
    for (const [seen, script] of steps) {
      const { server, options } = await serverFor(t, script);
      const abort = new AbortController();
      const client = new RtmpClient(options({ signal: abort.signal }));
      const play = client.connected.then(() => client.play("cam", ignore));
      await waitFor(() => server.peers[0]?.commands.some(({ name }) => name === seen), { what: seen });
      abort.abort(reason);
      await assert.rejects(play, reason);
      assert.deepEqual(await client.ended, { how: "left", reason, redirect: undefined });
      await waitFor(() => server.peers[0]?.closed);
      await assert.rejects(dial(options({ signal: abort.signal })), reason);
      assert.equal(server.peers.length, 1, "nobody was dialled");
    }
  });
});

describe("the RTMP client answers", () => {
  test("pings, and acknowledges every window", async (t) => {
    const { server, options } = await serverFor(t, async (peer) => {
      await peer.accept("play");
      peer.send(windowAckSize(5_000), pingRequest(4_711), onStatus("status", "NetStream.Play.Start"));
      for (let n = 0; n < 4; n++) peer.send(media(9, n, 4_000));
    });
    const client = await dial(options());
    t.after(() => client.destroy());
    await client.play("cam", ignore);
    const peer = server.peers[0] as WirePeer;
    const of = (type: number) => peer.messages.filter((message) => message.type === type);
    await waitFor(() => of(3).some((message) => readControlNumber(message) > 10_000), {
      what: "acknowledgements",
    });
    assert.ok(
      of(4).some(({ payload }) => payload.toString("hex") === "000700001267"),
      "the answer to the ping",
    );
  });
});

describe("the RTMP client publishes", () => {
  test("with large chunks, and leaves in order: everything sent arrives", async (t) => {
    const { server, options } = await serverFor(t, async (peer) => {
      const publish = await peer.accept("publish");
      assert.deepEqual(publish.args, [null, "cam?key=1", "live"]);
      peer.send(onStatus("status", "NetStream.Publish.Start"));
      await peer.next("deleteStream");
    });
    const client = await dial(options());
    assert.deepEqual(await client.publish("cam?key=1"), { outcome: "started" });
    const peer = server.peers[0] as WirePeer;
    assert.deepEqual(peer.commands.slice(1, 4).map(({ name, args }) => [name, ...args]), [["releaseStream", null, "cam?key=1"], ["FCPublish", null, "cam?key=1"], ["createStream", null]]); // prettier-ignore
    const sent = Array.from({ length: 200 }, (_, n) => media(n % 2 ? 8 : 9, n * 10, n * 500));
    for (const { type, timestamp, payload } of sent) client.send(type, timestamp, payload);
    client.leave();
    assert.equal((await client.ended).how, "left");
    await waitFor(() => peer.closed);
    assert.deepEqual(
      peer.messages.filter(({ type }) => type === 8 || type === 9),
      sent,
    );
    assert.equal(peer.commands.at(-1)?.name, "deleteStream");
    assert.equal(server.failure, undefined);
  });

  test("unless it is refused", async (t) => {
    const { options } = await serverFor(t, async (peer) => {
      await peer.accept("publish");
      peer.send(onStatus("error", "NetStream.Publish.BadName", "taken"));
    });
    const client = await dial(options());
    t.after(() => client.destroy());
    assert.equal((await client.publish("cam")).outcome, "refused");
  });
});

describe("the RTMPS client", () => {
  test("plays over TLS from a server it can check, and from no other", async (t) => {
    const certificate = await makeCertificate("localhost");
    t.after(() => certificate.remove());
    const cert = await readFile(certificate.cert);
    const server = await startWireServer(
      async (peer) => {
        await peer.accept("play");
        peer.send(media(9, 0, 100_000));
      },
      { cert, key: await readFile(certificate.key) },
    );
    t.after(() => server.stop());
    const client = await dial(options(server.port, { tls: { ca: cert, servername: "localhost" } }));
    t.after(() => client.destroy());
    assert.equal((await client.play("cam", ignore)).outcome, "started");
    await assert.rejects(dial(options(server.port, { tls: true })), {
      code: "RELAY_FAILED",
      message: /self-signed/,
    });
  });

  test("names the server that it wants, for servers with several certificates", async (t) => {
    const certificate = await makeCertificate("localhost");
    t.after(() => certificate.remove());
    const [cert, key] = [await readFile(certificate.cert), await readFile(certificate.key)];
    const named: string[] = [];
    const SNICallback: TlsOptions["SNICallback"] = (name, done) => {
      named.push(name);
      done(null);
    };
    const server = await startWireServer(
      async (peer) => peer.send(accepted((await peer.next("connect")).transaction)),
      { cert, key, SNICallback },
    );
    t.after(() => server.stop());
    for (const host of ["localhost", "127.0.0.1"])
      await dial(options(server.port, { host, tls: { ca: cert, checkServerIdentity: () => undefined } }));
    assert.deepEqual(named, ["localhost"], "addresses are no names");
  });
});
