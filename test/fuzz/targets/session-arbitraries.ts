import fc from "fast-check";
import { encodeAmf0 } from "../../../src/media/rtmp/amf0-encode.ts";
import type { AmfValue } from "../../../src/media/rtmp/amf0.ts";
import { writeMessage } from "../../../src/media/rtmp/chunk-writer.ts";
import { MESSAGE, type RtmpMessage } from "../../../src/media/rtmp/message.ts";
import { sampleStream } from "../../support/sample-stream.ts";
import { amfValue } from "./amf-arbitraries.ts";
import { uintBytes } from "./byte-arbitraries.ts";

const message = (type: number, streamId: number, payload: Buffer, timestamp = 0): RtmpMessage => ({
  type,
  streamId,
  chunkStreamId: streamId === 0 ? 3 : 4 + (type % 5),
  timestamp,
  payload,
});
const command = (streamId: number, name: string, transaction: number, ...args: AmfValue[]): RtmpMessage =>
  message(MESSAGE.command, streamId, encodeAmf0(name, transaction, ...args));

const name = fc.constantFrom("cam", "cam?a=b", "other", "a/b", "", "..", "mp4:cam", "live/cam");
const streamId = fc.constantFrom(1, 1, 1, 0, 2, 7);
const connect = fc
  .record({
    app: fc.constantFrom("live", "", "a/b", "live?vhost=x"),
    type: fc.constantFrom("nonprivate", undefined),
    fourCcList: fc.constantFrom(["hvc1"], undefined, "*"),
    capsEx: fc.constantFrom(0, 7, undefined),
    objectEncoding: fc.constantFrom(0, 3),
  })
  .map((offer) => command(0, "connect", 1, { tcUrl: "rtmp://h/live", ...offer }));

const stream = sampleStream({ duration: 200, bytes: 40 });
const media = fc
  .nat(stream.length - 1)
  .chain((from) =>
    fc
      .integer({ min: 1, max: 12 })
      .map((count) =>
        stream
          .slice(from, from + count)
          .map(({ type, timestamp, payload }) => message(MESSAGE[type], 1, payload, timestamp)),
      ),
  );

/** What clients say in one go. */
const step: fc.Arbitrary<readonly RtmpMessage[]> = fc.oneof(
  { weight: 4, arbitrary: connect.map((one) => [one]) },
  { weight: 2, arbitrary: fc.constant([command(0, "createStream", 2, null)]) },
  {
    weight: 4,
    arbitrary: fc.tuple(streamId, name).map(([id, text]) => [command(id, "publish", 3, null, text, "live")]),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(streamId, name).map(([id, text]) => [command(id, "play", 4, null, text, -2)]),
  },
  { weight: 4, arbitrary: media },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("deleteStream", "closeStream", "FCUnpublish", "FCPublish", "releaseStream"),
        name,
      )
      .map(([what, text]) => [command(0, what, 5, null, what === "deleteStream" ? 1 : text)]),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom("pause", "seek", "receiveAudio", "receiveVideo"), fc.boolean())
      .map(([what, on]) => [command(1, what, 0, null, on, 0)]),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6), fc.constantFrom(0, 1, 128, 4_096, 0x8000_0000))
      .map(([type, value]) => [
        message(
          type,
          0,
          type === 4 ? Buffer.concat([uintBytes(2, 6), uintBytes(4, value)]) : uintBytes(4, value),
        ),
      ]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(15, 17, 18, 20, 22), streamId, amfValue)
      .map(([type, id, value]) => [message(type, id, Buffer.from(value))]),
  },
);

/** What a client sends after the handshake: mostly in a sensible order. */
export const sessionBytes: fc.Arbitrary<Buffer> = fc
  .tuple(fc.boolean(), connect, fc.array(step, { maxLength: 10 }))
  .map(([polite, first, steps]) =>
    Buffer.concat([...(polite ? [first] : []), ...steps.flat()].map((one) => writeMessage(one, 128))),
  );
