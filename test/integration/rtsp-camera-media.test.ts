import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { classify } from "../../src/media/packet.ts";
import { AAC_SDP, CameraServer, sdpOf, VIDEO_SDP, type CameraScript } from "../support/camera-server.ts";
import {
  aacPacket,
  avcSps,
  AVC_PPS,
  goodbye,
  interleaved,
  PictureSender,
  senderReport,
} from "../support/rtp.ts";
import { framesOf, runRtspPull, type RtspPull, type RtspPullCase } from "../support/run-rtsp-pull.ts";

const STEP = 3_600;
const BYE = interleaved(1, goodbye());

async function pulled(t: TestContext, script: CameraScript, test?: RtspPullCase): Promise<RtspPull> {
  const camera = await CameraServer.start(script);
  t.after(() => camera.stop());
  const pull = runRtspPull(t, camera.url, test);
  const error = await pull.end;
  if (error !== undefined) throw error as Error;
  assert.equal(pull.budgets.all.taken, 0);
  return pull;
}

/** Pictures of 40 ms, the first of each five a keyframe. */
function pictures(
  count: number,
  { sender = new PictureSender(), start = 0, bytes = 64, before = 0 } = {},
): Buffer[] {
  return Array.from({ length: count }, (_, index) =>
    sender.picture({ key: index % 5 === 0, timestamp: start + (index + before) * STEP, bytes }),
  );
}

/** Numbers of the pictures that arrived: `avcPicture` writes them behind the NAL header. */
function numbersOf({ packets }: RtspPull): number[] {
  return framesOf(packets, "video").map(({ packet }) => packet.payload.readUInt16BE(5 + 4 + 2));
}

function dtsOf({ packets }: RtspPull): number[] {
  const frames = framesOf(packets, "video");
  return frames.map(({ dts }) => dts - (frames[0]?.dts ?? 0));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const timesOf = (count: number): number[] => upTo(count).map((number) => (number - 1) * 40);

void test("media in the segment of the answer to PLAY arrives", async (t) => {
  const pull = await pulled(t, { media: Buffer.concat([...pictures(10), BYE]) });
  assert.equal(pull.opened, 1);
  assert.deepEqual(numbersOf(pull), upTo(10));
  assert.deepEqual(dtsOf(pull), timesOf(10));
  assert.deepEqual(
    pull.packets.slice(0, 3).map((packet) => [packet.type, classify(packet).role, classify(packet).keyframe]),
    [
      ["data", "metadata", false],
      ["video", "header", false],
      ["video", "frame", true],
    ],
  );
});

void test("a camera that sends byte by byte is understood the same", async (t) => {
  const media = Buffer.concat([...pictures(6, { bytes: 1_500 }), BYE]);
  const [whole, split] = [await pulled(t, { media }), await pulled(t, { media, pieces: 1 })];
  assert.deepEqual(split.packets, whole.packets);
  assert.deepEqual(numbersOf(whole), upTo(6));
});

void test("after a lost packet, pictures come again from the next keyframe on", async (t) => {
  const sent = pictures(15, { bytes: 3_000 });
  const sender = new PictureSender();
  const damaged = upTo(15).map((number) =>
    sender.picture({
      key: number % 5 === 1,
      timestamp: number * STEP,
      bytes: 3_000,
      // A fragment in the middle of picture 3, the last one of 8, and the first one of keyframe 11.
      lose: (index, count) => index === { 3: 1, 8: count - 1, 11: 0 }[number],
    }),
  );
  assert.deepEqual(numbersOf(await pulled(t, { media: Buffer.concat([...sent, BYE]) })), upTo(15));
  assert.deepEqual(numbersOf(await pulled(t, { media: Buffer.concat([...damaged, BYE]) })), [1, 2, 6, 7]);
});

void test("sequence numbers and timestamps wrap", async (t) => {
  const sender = new PictureSender(65_530);
  const media = Buffer.concat([...pictures(20, { sender, start: 2 ** 32 - 7 * STEP }), BYE]);
  const pull = await pulled(t, { media });
  assert.deepEqual(numbersOf(pull), upTo(20));
  assert.deepEqual(dtsOf(pull), timesOf(20));
});

void test("pictures end with their timestamp when markers are missing", async (t) => {
  const sender = new PictureSender();
  const sent = upTo(6).map((number) =>
    sender.picture({ key: number === 1, timestamp: number * STEP, bytes: 1_500, marker: false }),
  );
  const pull = await pulled(t, { media: Buffer.concat([...sent, BYE]) });
  assert.deepEqual(numbersOf(pull), upTo(5), "the last one might go on");
  assert.deepEqual(dtsOf(pull), timesOf(5));
});

void test("markers on each slice do not make pictures of them", async (t) => {
  const sender = new PictureSender();
  const second = Buffer.from([0x65, 0x20, 1, 2, 3]);
  const sent = upTo(12).map((number) => {
    const timestamp = number * STEP;
    const first = sender.picture({ key: true, timestamp });
    return Buffer.concat([first, sender.packet(second, timestamp, true)]);
  });
  const pull = await pulled(t, { media: Buffer.concat([...sent, BYE]) });
  const frames = framesOf(pull.packets, "video");
  assert.ok(frames.length >= 9, `${frames.length} pictures`);
  for (const { packet } of frames.slice(1)) assert.ok(packet.payload.includes(second));
});

void test("parameter sets only between pictures: a keyframe waits for them, new ones make a new header", async (t) => {
  const sender = new PictureSender();
  const sets = (columns: number): Buffer[] => [avcSps({ profile: 66, references: 1, columns }), AVC_PPS];
  const media = Buffer.concat([
    sender.picture({ key: true, timestamp: 0 }),
    sender.picture({ key: true, timestamp: STEP, before: sets(20) }),
    sender.picture({ timestamp: 2 * STEP }),
    sender.picture({ key: true, timestamp: 3 * STEP, before: sets(20) }),
    sender.picture({ key: true, timestamp: 4 * STEP, before: sets(40) }),
    BYE,
  ]);
  const pull = await pulled(t, { sdp: sdpOf(VIDEO_SDP([])), media });
  assert.deepEqual(numbersOf(pull), [2, 3, 4, 5]);
  const roles = pull.packets.filter(({ type }) => type === "video").map((packet) => classify(packet).role);
  assert.deepEqual(roles, ["header", "frame", "frame", "frame", "header", "frame"]);
});

void test("pictures that are reordered without saying so get decoding times", async (t) => {
  const sender = new PictureSender();
  const sdp = sdpOf(VIDEO_SDP([avcSps({ profile: 77, references: 3 }), AVC_PPS]));
  // I P B B P B B …, in the order of decoding
  const shown = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11];
  const sent = shown.map((at, index) => sender.picture({ key: index === 0, timestamp: at * STEP }));
  const pull = await pulled(t, { sdp, media: Buffer.concat([...sent, BYE]) });
  const frames = framesOf(pull.packets, "video");
  const first = frames[0]?.pts ?? 0;
  assert.deepEqual(
    frames.map(({ pts }) => pts - first),
    shown.map((at) => at * 40),
  );
  for (const [index, { dts, pts }] of frames.entries())
    assert.ok(dts <= pts && dts > (frames[index - 1]?.dts ?? -1), `picture ${index}: ${dts}, ${pts}`);
});

void test("a clock that jumps is taken out, and time never goes back", async (t) => {
  const sender = new PictureSender();
  const media = Buffer.concat([
    ...pictures(5, { sender }),
    ...pictures(5, { sender, start: 90_000 * 3_600, before: 5 }),
    ...pictures(5, { sender, before: 1 }),
    ...pictures(5, { sender: new PictureSender(77, 9), start: 12_345 }),
    BYE,
  ]);
  const times = dtsOf(await pulled(t, { media }));
  assert.equal(times.length, 20);
  for (const [index, time] of times.entries()) {
    assert.ok(time > (times[index - 1] ?? -1), times.join());
    assert.ok(time < 5_000, times.join());
  }
});

void test("sender reports put the sound where the picture is", async (t) => {
  const sender = new PictureSender();
  const frame = Buffer.alloc(20, 1);
  const wall = 3_900_000_000_000;
  const media = Buffer.concat([
    ...pictures(5, { sender }),
    // The sound of the same moment arrives with them, but says that it is 500 ms later.
    interleaved(2, aacPacket(1, 0, [frame, frame])),
    interleaved(1, senderReport(wall, 0)),
    interleaved(3, senderReport(wall + 500, 0, 8)),
    interleaved(2, aacPacket(2, 2_048, [frame])),
    BYE,
    interleaved(3, goodbye(8)),
  ]);
  const pull = await pulled(t, { sdp: sdpOf(VIDEO_SDP(), AAC_SDP), media });
  const sounds = framesOf(pull.packets, "audio").map(({ dts }) => dts);
  assert.equal(sounds.length, 3);
  // The first two stand where they arrived, the third 2,048 samples and half a second after the first picture.
  const picture = framesOf(pull.packets, "video")[0]?.dts ?? 0;
  assert.ok(Math.abs((sounds[2] ?? 0) - picture - 543) <= 1, `${picture}: ${sounds.join()}`);
});

void test("RTP-Info tells where tracks begin together", async (t) => {
  const frame = Buffer.alloc(20, 1);
  const media = Buffer.concat([
    interleaved(2, aacPacket(1, 48_000 + 24_000, [frame])),
    ...pictures(5, { start: 700_000 }),
    BYE,
    interleaved(3, goodbye(8)),
  ]);
  const pull = await pulled(t, {
    sdp: sdpOf(VIDEO_SDP(), AAC_SDP),
    media,
    reply: ({ method, uri }) =>
      method === "PLAY"
        ? {
            headers: {
              "RTP-Info": `url=${uri}track1;seq=1000;rtptime=700000,url=${uri}track2;rtptime=48000`,
            },
          }
        : undefined,
  });
  const [sound, picture] = (["audio", "video"] as const).map(
    (type) => framesOf(pull.packets, type)[0]?.dts ?? 0,
  );
  assert.equal((sound ?? 0) - (picture ?? 0), 500);
});

void test("sound goes on without what was lost, and in parts", async (t) => {
  const frame = (byte: number): Buffer => Buffer.alloc(30, byte);
  const partial = aacPacket(4, 3_072, [frame(4)]);
  const media = Buffer.concat([
    interleaved(0, aacPacket(1, 0, [frame(1)])),
    interleaved(0, aacPacket(3, 2_048, [frame(3)])),
    // The head says 30 bytes; the rest follows.
    interleaved(0, partial.subarray(0, 12 + 4 + 10)),
    interleaved(0, Buffer.concat([aacPacket(5, 3_072, [frame(4)]).subarray(0, 16), frame(4).subarray(10)])),
    interleaved(1, goodbye(8)),
  ]);
  const pull = await pulled(t, { sdp: sdpOf(AAC_SDP), media });
  const sounds = framesOf(pull.packets, "audio");
  assert.deepEqual(
    sounds.map(({ packet }) => packet.payload.subarray(2)),
    [frame(1), frame(3), frame(4)],
  );
  const first = sounds[0]?.dts ?? 0;
  assert.deepEqual(
    sounds.map(({ dts }) => dts - first),
    [0, 43, 64],
  );
});

void test("reports alone are no media", async (t) => {
  const camera = await CameraServer.start({
    onMedia: (socket) => {
      const timer = setInterval(() => socket.write(interleaved(1, senderReport(Date.now(), 1))), 50);
      socket.once("close", () => clearInterval(timer));
    },
  });
  t.after(() => camera.stop());
  const error = await runRtspPull(t, camera.url, { idleTimeout: 500 }).end;
  assert.ok(error instanceof HoldfastError);
  assert.equal(error.code, "SOURCE_FAILED");
  assert.match(error.message, /no media/);
});
