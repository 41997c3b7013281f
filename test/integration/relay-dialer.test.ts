import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { pino } from "pino";
import { configSchema } from "../../src/config/schema.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { ChannelSource, MediaPacket } from "../../src/domain/ports/channel.ts";
import type { RelayTarget } from "../../src/domain/ports/relay.ts";
import { makeStreamKey } from "../../src/domain/stream-key.ts";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { writeMessage } from "../../src/media/rtmp/chunk-writer.ts";
import { streamEof } from "../../src/media/rtmp/control.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { receiveBudgets } from "../../src/media/receive-budgets.ts";
import { createRelayDialer } from "../../src/media/rtmp/relay-dialer.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { ScriptedChannel } from "../support/fake-gates.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { accepted, onStatus, startWireServer, type WirePeer } from "../support/wire-server.ts";

const log = pino({ level: "silent" });
const config = configSchema.parse({ play: { startTimeout: "2s" } });
const dialer = createRelayDialer({ config, clock: systemClock, log });
const key = makeStreamKey({ vhost: "", app: "live/de", stream: "cam 1" });
const never = new AbortController().signal;

/** A source that keeps what is fed into it. */
class Source implements ChannelSource {
  readonly kind = "relay";
  readonly packets: MediaPacket[] = [];
  readonly #closed = new AbortController();
  detached = 0;
  readonly closed = this.#closed.signal;

  write(packet: MediaPacket): void {
    this.packets.push(packet);
  }

  detach(): void {
    this.detached += 1;
  }

  replace(): void {
    this.#closed.abort(new HoldfastError("STREAM_TAKEN_OVER"));
  }
}

const message = (type: number, timestamp: number, payload: Buffer): RtmpMessage => ({
  type,
  streamId: 1,
  chunkStreamId: type === 9 ? 6 : type === 8 ? 4 : 5,
  timestamp,
  payload,
});
const start = onStatus("status", "NetStream.Play.Start");
const frame = message(9, 40, Buffer.from("1701", "hex"));

function targetOf(port: number, change: Partial<RelayTarget> = {}): RelayTarget {
  return { key, address: `127.0.0.1:${port}`, ticket: "v1.a.b-_c", asker: "o2", ...change };
}

/** The owner does as the script says from `play` on. */
async function ownerFor(t: TestContext, script: (peer: WirePeer) => Promise<void> | void) {
  const server = await startWireServer(async (peer) => {
    await peer.accept("play");
    await script(peer);
  });
  t.after(() => server.stop());
  return { server, target: targetOf(server.port) };
}

describe("a relay pull", () => {
  test("feeds what comes with the answer and after it, and ends in order", async (t) => {
    const metadata = encodeAmf0("onMetaData", { width: 640 });
    const { server, target } = await ownerFor(t, async (peer) => {
      peer.send(
        onStatus("status", "NetStream.Play.Reset"),
        start,
        message(18, 0, encodeAmf0("|RtmpSampleAccess", true, true)),
        message(18, 0, metadata),
        message(9, 0, Buffer.from("1700", "hex")),
        message(8, 0, Buffer.alloc(0)),
        frame,
      );
      await waitFor(() => source.packets.length === 3);
      peer.send(
        message(8, 41, Buffer.from("af01", "hex")),
        message(18, 42, encodeAmf0("@setDataFrame", "onCuePoint", 1)),
      );
      peer.send(streamEof(1));
    });
    const source = new Source();
    let opened = 0;
    await dialer.pull(target, () => (opened++, source), never);
    assert.equal(opened, 1);
    assert.equal(source.detached, 1);
    assert.deepEqual(source.packets, [
      { type: "data", timestamp: 0, payload: metadata },
      { type: "video", timestamp: 0, payload: Buffer.from("1700", "hex") },
      { type: "video", timestamp: 40, payload: frame.payload },
      { type: "audio", timestamp: 41, payload: Buffer.from("af01", "hex") },
      { type: "data", timestamp: 42, payload: encodeAmf0("onCuePoint", 1) },
    ]);
    const peer = server.peers[0] as WirePeer;
    const connect = peer.commands.find(({ name }) => name === "connect")?.args[0] as Record<string, unknown>;
    assert.deepEqual([connect["app"], connect["flashVer"]], ["live/de", "Holdfast relay (o2)"]);
    assert.equal(
      peer.commands.find(({ name }) => name === "play")?.args[1],
      "cam 1?holdfast-ticket=v1.a.b-_c",
    );
    await waitFor(() => peer.closed);
  });

  test("names the vhost, and hides percent signs of the key from decoding", async (t) => {
    const { server, target } = await ownerFor(t, (peer) => peer.send(start, streamEof(1)));
    const odd = makeStreamKey({ vhost: "V.example", app: "a%41/b", stream: "100%" });
    await dialer.pull({ ...target, key: odd }, () => new Source(), never);
    const { commands } = server.peers[0] as WirePeer;
    assert.equal((commands.find(({ name }) => name === "connect")?.args[0] as Record<string, unknown>)["app"], "a%2541/b"); // prettier-ignore
    assert.equal(commands.find(({ name }) => name === "play")?.args[1], "100%25?vhost=v.example&holdfast-ticket=v1.a.b-_c"); // prettier-ignore
  });

  const refusals: readonly [name: string, answer: RtmpMessage, code: string, detail: RegExp][] = [
    ["nobody publishes", onStatus("error", "NetStream.Play.StreamNotFound", "nobody publishes live/cam"), "STREAM_NOT_FOUND", /nobody publishes/],
    ["it is not the owner", onStatus("error", "NetStream.Play.StreamNotFound", new HoldfastError("NOT_OWNER").message, { details: "NOT_OWNER" }), "NOT_OWNER", /does not own/],
    ["the stream is elsewhere", onStatus("error", "NetStream.Play.StreamNotFound", "302", { ex: { redirect: "rtmp://h/live" } }), "NOT_OWNER", /302/],
    ["the ticket is not valid", onStatus("error", "NetStream.Play.Failed", new HoldfastError("TICKET_INVALID").message), "RELAY_FAILED", /Play.Failed: the relay ticket/],
  ]; // prettier-ignore
  for (const [name, answer, code, detail] of refusals)
    test(`is refused when ${name}`, async (t) => {
      const { server, target } = await ownerFor(t, (peer) => peer.send(answer));
      let opened = 0;
      const pull = dialer.pull(target, () => (opened++, new Source()), never);
      await assert.rejects(pull, { name: "HoldfastError", code, message: detail });
      assert.equal(opened, 0);
      await waitFor(() => server.peers[0]?.closed);
    });

  test("breaks when the connection does, and when nobody listens", async (t) => {
    const { server, target } = await ownerFor(t, (peer) => peer.send(start, frame));
    const source = new Source();
    const pull = dialer.pull(target, () => source, never);
    await waitFor(() => source.packets.length === 1);
    server.peers[0]?.reset();
    await assert.rejects(pull, { code: "RELAY_FAILED" });
    assert.equal(source.detached, 1);
    await assert.rejects(dialer.pull(targetOf(1), () => source, never), { code: "RELAY_FAILED", message: /ECONNREFUSED/ }); // prettier-ignore
    await assert.rejects(dialer.pull(targetOf(1, { address: "nowhere" }), () => source, never), { code: "RELAY_FAILED" }); // prettier-ignore
  });

  test("breaks when the owner sends what is no RTMP, or makes another stream", async (t) => {
    const { target } = await ownerFor(t, (peer) => peer.send(start, Buffer.alloc(64, 0xff)));
    await assert.rejects(
      dialer.pull(target, () => new Source(), never),
      { code: "RELAY_FAILED" },
    );
    const odd = await startWireServer(async (peer) => {
      await peer.accept("play", 5);
      peer.send(start);
    });
    t.after(() => odd.stop());
    await assert.rejects(dialer.pull(targetOf(odd.port), () => new Source(), never), { code: "RELAY_FAILED", message: /another message stream/ }); // prettier-ignore
  });

  test("ends at once with the signal's reason, before and after the answer", async (t) => {
    const reason = new HoldfastError("NOT_OWNER", { detail: "o3 owns the stream now" });
    const silent = await ownerFor(t, () => undefined);
    const early = new AbortController();
    const first = dialer.pull(silent.target, () => new Source(), early.signal);
    await waitFor(() => silent.server.peers[0]?.commands.some(({ name }) => name === "play"));
    early.abort(reason);
    await assert.rejects(first, reason);

    const playing = await ownerFor(t, (peer) => peer.send(start, frame));
    const late = new AbortController();
    const source = new Source();
    const second = dialer.pull(playing.target, () => source, late.signal);
    await waitFor(() => source.packets.length === 1);
    late.abort(reason);
    await assert.rejects(second, reason);
    assert.equal(source.detached, 1);
    for (const { server } of [silent, playing]) await waitFor(() => server.peers[0]?.closed);
    await assert.rejects(
      dialer.pull(playing.target, () => source, late.signal),
      reason,
    );
    assert.equal(playing.server.peers.length, 1);
  });

  test("ends when its source was replaced, or was refused", async (t) => {
    const { server, target } = await ownerFor(t, (peer) => peer.send(start, frame));
    const source = new Source();
    const pull = dialer.pull(target, () => source, never);
    await waitFor(() => source.packets.length === 1);
    source.replace();
    await assert.rejects(pull, { code: "RELAY_FAILED" });
    const refuse = () => {
      throw new HoldfastError("STREAM_ENDED");
    };
    await assert.rejects(dialer.pull(target, refuse, never), { code: "RELAY_FAILED" });
    await waitFor(() => server.peers.length === 2 && server.peers.every(({ closed }) => closed));
  });

  test("keeps no more than it may of what comes before the answer", async (t) => {
    const config = configSchema.parse({ play: { startTimeout: "20s" }, limits: { halfReceived: "1MB" } });
    const budgets = receiveBudgets(config.limits);
    const modest = createRelayDialer({ config, clock: systemClock, log, budgets });
    const media = message(9, 0, Buffer.concat([Buffer.from("1701", "hex"), Buffer.alloc(400_000)]));
    const server = await startWireServer(async (peer) => {
      const { transaction } = await peer.next("connect");
      // The stream is played, though createStream is never answered.
      peer.send(accepted(transaction), start, media);
      await waitFor(() => budgets.all.taken >= 400_000);
      while (!peer.closed) {
        peer.send(media);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    t.after(() => server.stop());
    await assert.rejects(modest.pull(targetOf(server.port), () => new Source(), never), { code: "RELAY_FAILED", message: /too long/ }); // prettier-ignore
    assert.equal(budgets.all.taken, 0);
  });

  test("does not wait longer than play.startTimeout for the owner's answer", async (t) => {
    const { target } = await ownerFor(t, () => undefined);
    const hasty = createRelayDialer({
      config: configSchema.parse({ play: { startTimeout: "100ms" } }),
      clock: systemClock,
      log,
    });
    await assert.rejects(hasty.pull(target, () => new Source(), never), { code: "RELAY_FAILED", message: /did not answer/ }); // prettier-ignore
  });
});

describe("a relay pull from a real origin", () => {
  test("brings key, vhost, ticket and agent, and its first media in a few ms", async (t) => {
    const rtmp = await startRtmp({ vhosts: ["v.example"] });
    t.after(() => rtmp.stop());
    const odd = makeStreamKey({ vhost: "v.example", app: "a/b%41", stream: "cam=1 ü&.flv" });
    const channel = new ScriptedChannel(odd);
    rtmp.gates.onPlay = () => ({ kind: "serve", channel });
    const target = targetOf(Number(rtmp.address.split(":")[1]), { key: odd });
    const times: number[] = [];
    for (let n = 0; n < 20; n++) {
      const source = new Source();
      const abort = new AbortController();
      const began = performance.now();
      const pull = dialer.pull(target, () => source, abort.signal);
      await waitFor(() => {
        if (channel.subscribers > 0) channel.write(writeMessage(frame, rtmp.config.rtmp.chunkSize));
        return source.packets.length > 0;
      });
      times.push(performance.now() - began);
      abort.abort();
      await assert.rejects(pull);
      await waitFor(() => channel.subscribers === 0);
    }
    const asked = rtmp.gates.plays[0];
    assert.deepEqual([asked?.key, asked?.ticket, asked?.query], [odd, "v1.a.b-_c", "vhost=v.example"]);
    assert.equal(asked?.client.agent, "Holdfast relay (o2)");
    const median = times.toSorted((a, b) => a - b)[10] as number;
    assert.ok(median < 60, `first media after ${median.toFixed(1)} ms`);
    assert.ok(!JSON.stringify(rtmp.lines).includes("v1.a.b"), "tickets are not logged");
  });

  test("is refused by it as by any other, and ends with its channel", async (t) => {
    const rtmp = await startRtmp();
    t.after(() => rtmp.stop());
    const target = targetOf(Number(rtmp.address.split(":")[1]));
    await assert.rejects(
      dialer.pull(target, () => new Source(), never),
      { code: "STREAM_NOT_FOUND" },
    );
    rtmp.gates.onPlay = () => {
      throw new HoldfastError("NOT_OWNER");
    };
    await assert.rejects(
      dialer.pull(target, () => new Source(), never),
      { code: "NOT_OWNER" },
    );
    const channel = new ScriptedChannel(key);
    rtmp.gates.onPlay = () => ({ kind: "serve", channel });
    const pull = dialer.pull(target, () => new Source(), never);
    await waitFor(() => channel.subscribers === 1);
    channel.end(new HoldfastError("STREAM_ENDED"));
    await pull;
  });
});
