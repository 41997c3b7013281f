import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { setChunkSize } from "../../src/media/rtmp/control.ts";
import { MESSAGE, type RtmpMessage } from "../../src/media/rtmp/message.ts";
import { decodingErrors } from "../support/decode-flv.ts";
import { FlvReader, flvTag, type FlvTag } from "../support/flv-file.ts";
import { ChunkForger, type ForgeOptions } from "../support/forge-chunks.ts";
import { speak } from "../support/hostile-requests.ts";
import { HostileStage } from "../support/hostile-stage.ts";
import { HANDSHAKE, rtmpSession } from "../support/noise.ts";
import { multitrackVideo, videoFrame, withNanoseconds } from "../support/sample-media.ts";
import { sampleStream, type SampleStream } from "../support/sample-stream.ts";
import { waitFor } from "../support/wait.ts";
import type { WireClient } from "../support/wire-client.ts";
import { settled } from "../support/wire-session.ts";

const PATIENCE = { within: 20_000 };
let stage: HostileStage;
before(async () => {
  stage = await HostileStage.open({ limits: { messagesPerSecond: 100_000 } });
});
after(() => stage.close());

/** An encoder that does what is allowed, or nearly, in a way that few do. */
interface Row {
  readonly name: string;
  readonly packets: readonly MediaPacket[];
  readonly write?: (client: WireClient, messages: readonly RtmpMessage[]) => void;
  /** ffmpeg 5.1 cannot decode it in FLV. */
  readonly unknown?: true;
}

const plain = (options: SampleStream = {}) => sampleStream({ duration: 2_000, ...options });
const shift = (packets: readonly MediaPacket[], by: (at: number, packet: MediaPacket) => number) =>
  packets.map((packet) => ({
    ...packet,
    timestamp: (packet.timestamp + by(packet.timestamp, packet)) >>> 0,
  }));

/** Chunks as others make them. `ids`: chunk streams of audio and of everything else. */
function forged(
  options: ForgeOptions,
  chunkSize = 128,
  ids: readonly [number, number] = [4, 6],
): NonNullable<Row["write"]> {
  return (client, messages) => {
    const forger = new ChunkForger();
    forger.chunkSize = chunkSize;
    client.sendBytes(setChunkSize(chunkSize));
    for (const message of messages)
      client.sendBytes(
        forger.write(
          { ...message, chunkStreamId: message.type === MESSAGE.audio ? ids[0] : ids[1] },
          options,
        ),
      );
  };
}

function aggregated(client: WireClient, messages: readonly RtmpMessage[]): void {
  for (let at = 0; at < messages.length; at += 10) {
    const some = messages.slice(at, at + 10);
    const payload = Buffer.concat(
      some.map(({ type, timestamp, payload: body }) =>
        flvTag({ type: type as FlvTag["type"], timestamp, body }),
      ),
    );
    client.send({ ...(some[0] as RtmpMessage), type: MESSAGE.aggregate, payload });
  }
}

/** Every tenth message is begun once more before it, and aborted. */
function aborted(client: WireClient, messages: readonly RtmpMessage[]): void {
  const abort = {
    type: MESSAGE.abort,
    streamId: 0,
    chunkStreamId: 2,
    timestamp: 0,
    payload: Buffer.from([0, 0, 0, 7]),
  };
  messages.forEach((message, index) => {
    if (index % 10 === 0) {
      const [first] = client.chunksOf({ ...message, chunkStreamId: 7, payload: Buffer.alloc(20_000, 0x17) });
      client.sendBytes(first as Buffer);
      client.send(abort);
    }
    client.send(message);
  });
}

const WRAP = 2 ** 32 - 700;
const HOUR = 3_600_000;
const isVideo = ({ type }: MediaPacket) => type === "video";
/** The same stream with this in the middle. */
const withInside = (packets: readonly MediaPacket[], payload: Buffer) => {
  const at = packets.findLastIndex(({ payload: body }) => body[0] === 0x17 && body[1] === 1) - 3;
  const { timestamp } = packets[at] as MediaPacket;
  return [...packets.slice(0, at), { type: "video" as const, timestamp, payload }, ...packets.slice(at)];
};

const ROWS: readonly Row[] = [
  { name: "plain", packets: plain() },
  {
    name: "cid-3byte",
    packets: plain({ bytes: 700 }),
    write: forged({ format: 3 }, 128, [64 + 10 + 256 * 2, 64 + 2 + 256 * 10]),
  },
  { name: "cid-2byte", packets: plain({ bytes: 700 }), write: forged({ format: 3 }, 128, [64, 319]) },
  {
    name: "ext-ts-fmt3-absent",
    packets: plain({ bytes: 700, start: 0x100_0000 }),
    write: forged({ omitRepeats: true }),
  },
  { name: "ext-ts-fmt3-repeated", packets: plain({ bytes: 700, start: 0x100_0000 }), write: forged({}) },
  {
    name: "ext-ts-fmt3-absolute",
    packets: plain({ bytes: 700, start: 0x100_0000 }),
    write: forged({ format: 3, repeatAbsolute: true }),
  },
  { name: "abort-message", packets: plain(), write: aborted },
  { name: "aggregate-22", packets: plain(), write: aggregated },
  { name: "chunk-size-1", packets: plain(), write: forged({}, 1) },
  { name: "chunk-size-2^31-1", packets: plain({ bytes: 9_000 }), write: forged({}, 0x7fff_ffff) },
  { name: "ts-wrap", packets: plain({ start: WRAP }) },
  { name: "ts-wrap-deltas", packets: plain({ start: WRAP, bytes: 500 }), write: forged({ format: 3 }) },
  { name: "ts-jump-forward", packets: shift(plain(), (at) => (at >= 1_000 ? HOUR : 0)) },
  { name: "ts-jump-back", packets: shift(plain({ start: HOUR }), (at) => (at >= HOUR + 1_000 ? -HOUR : 0)) },
  { name: "ts-all-equal", packets: shift(plain(), (at) => -at) },
  { name: "ts-video-ahead", packets: shift(plain(), (_, packet) => (isVideo(packet) ? 500 : 0)) },
  {
    name: "cts-negative",
    packets: plain().map((packet) =>
      isVideo(packet) && packet.payload[1] === 1
        ? { ...packet, payload: withCts(packet.payload, -40) }
        : packet,
    ),
  },
  { name: "enh-avc1", packets: plain({ form: "enhanced", audio: "mp4a" }), unknown: true },
  { name: "enh-hvc1", packets: plain({ video: "hvc1" }), unknown: true },
  { name: "enh-av01", packets: plain({ video: "av01" }), unknown: true },
  { name: "enh-vp09", packets: plain({ video: "vp09" }), unknown: true },
  { name: "enh-vp08", packets: plain({ video: "vp08" }), unknown: true },
  { name: "hevc-codecid12", packets: plain({ video: "hvc1", form: "classic" }), unknown: true },
  { name: "enh-unknown-fourcc", packets: withInside(plain(), Buffer.from("a17a7a7a7a010203", "hex")) },
  { name: "enh-vvc1-short", packets: withInside(plain(), Buffer.from("9176766331", "hex")) },
  {
    name: "enh-multitrack",
    packets: withInside(plain(), multitrackVideo([{ id: 1, codec: "hvc1" }], "header")),
    unknown: true,
  },
  {
    name: "enh-multitrack-cut",
    packets: withInside(
      plain(),
      multitrackVideo(
        [
          { id: 1, codec: "hvc1" },
          { id: 2, codec: "av01" },
        ],
        "inter",
      ).subarray(0, -1),
    ),
  },
  {
    name: "enh-modex",
    packets: withInside(plain(), withNanoseconds(videoFrame({ form: "enhanced" }), 5)),
    unknown: true,
  },
  {
    name: "enh-modex-endless",
    packets: withInside(plain(), Buffer.concat([Buffer.from([0x97]), Buffer.alloc(400, 0x07)])),
  },
  { name: "enh-av1-end-foreign", packets: withInside(plain(), Buffer.from("92617630310000", "hex")) },
];

function withCts(payload: Buffer, cts: number): Buffer {
  const copy = Buffer.from(payload);
  copy.writeIntBE(cts, 2, 3);
  return copy;
}

const TYPES = { audio: MESSAGE.audio, video: MESSAGE.video, data: MESSAGE.data } as const;
const asMessages = (packets: readonly MediaPacket[]): RtmpMessage[] =>
  packets.map(({ type, timestamp, payload }) => ({
    type: TYPES[type],
    streamId: 1,
    chunkStreamId: type === "audio" ? 4 : 6,
    timestamp,
    payload,
  }));

/** What a player gets that joins now, up to the packet with these bytes. */
async function late(name: string, last: Buffer): Promise<FlvTag[]> {
  const reader = new FlvReader();
  const answer = await fetch(`http://${stage.origin.addresses.http}/live/${name}.flv`, {
    signal: AbortSignal.timeout(PATIENCE.within),
  });
  assert.equal(answer.status, 200);
  const body = answer.body?.getReader();
  while (body && !reader.tags.some((tag) => tag.body.equals(last))) {
    const { value, done } = await body.read();
    if (done) break;
    reader.push(Buffer.from(value));
  }
  await body?.cancel();
  return reader.tags;
}

const isHeader = ({ type, body }: FlvTag) =>
  type === 18 ||
  (type === 8 ? body[1] === 0 || body[0] === 0x90 : body[1] === 0 || ((body[0] as number) & 0x8f) === 0x80);

for (const { name, packets, write, unknown } of ROWS)
  test(`${name}: a late joiner gets the headers, a keyframe, and media that can be decoded`, async () => {
    const client = await stage.publishing(name);
    const messages = asMessages(packets);
    if (write) write(client, messages);
    else for (const message of messages) client.send(message);
    if (write)
      await waitFor(() => stage.origin.streams().some(({ stream }) => stream === `live/${name}`), PATIENCE);
    else await settled(client);
    const last = packets.at(-1)?.payload as Buffer;
    const tags = await late(name, last);
    assert.ok(
      tags.some(({ body }) => body.equals(last)),
      "it got the last packet",
    );

    const headers = tags.slice(
      0,
      tags.findIndex((tag) => !isHeader(tag)),
    );
    const sent = packets.filter(({ type, payload }) =>
      isHeader({ type: TYPES[type], timestamp: 0, body: payload }),
    );
    assert.deepEqual(
      headers.map(({ body }) => body.toString("hex")).sort(),
      sent.map(({ payload }) => payload.toString("hex")).sort(),
    );
    const first = tags.find((tag) => tag.type === 9 && !isHeader(tag));
    assert.equal(((first?.body[0] as number) >> 4) & 7, 1, "the first picture is a keyframe");
    for (const type of [8, 9]) {
      const times = tags
        .filter((tag) => tag.type === type && !isHeader(tag))
        .map(({ timestamp }) => timestamp);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
        "no track goes back",
      );
    }
    if (!unknown) assert.equal(await decodingErrors(tags), "");
    assert.equal(client.ended, undefined);
    await stage.leave(client);
    await stage.undisturbed();
  });

for (const version of [0, 1, 2, 4, 31])
  test(`hs-version-${version}: C0 with another version below 32 is answered with 3, and the client may publish`, async () => {
    const { opening, rest } = rtmpSession(true, `version-${version}`);
    const said = speak(
      stage.origin.addresses.rtmp,
      Buffer.concat([Buffer.from([version]), HANDSHAKE.subarray(1), opening]),
    );
    await waitFor(() => said.answer().includes("NetStream.Publish.Start"), {
      ...PATIENCE,
      what: "Publish.Start",
    });
    assert.equal(said.answer().charCodeAt(0), 3);
    said.socket.end(rest);
    await waitFor(() => said.socket.closed, PATIENCE);
    await stage.undisturbed();
  });
