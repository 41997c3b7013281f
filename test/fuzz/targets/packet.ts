import fc from "fast-check";
import { classify } from "../../../src/media/packet.ts";
import { CodecList } from "../../../src/media/codec-list.ts";
import { tracksOf } from "../../../src/media/codec.ts";
import { promisedTracks } from "../../../src/media/codec-metadata.ts";
import { HeaderCache } from "../../../src/media/header-cache.ts";
import { MESSAGE } from "../../../src/media/rtmp/message.ts";
import { sampleStream } from "../../support/sample-stream.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { messagesOf } from "../seed-messages.ts";
import { regressions, rtmpSeeds } from "../seeds.ts";
import { bytesUpTo, exactly, joined, several, uint } from "./byte-arbitraries.ts";

const TYPES = ["audio", "video", "data"] as const;
const NAME = /^[\w.-]{3,10}$/;
const MOST_COMPOSITION = 0x80_0000;

/** Packets: type, length (two bytes), payload. Each is told what it is; the headers among them are kept. */
function run(input: Buffer): void {
  const codecs = new CodecList();
  const headers = new HeaderCache();
  for (let at = 0; at + 3 <= input.length;) {
    const type = TYPES[(input[at] as number) % 3] as (typeof TYPES)[number];
    const end = Math.min(input.length, at + 3 + input.readUInt16BE(at + 1));
    const payload = input.subarray(at + 3, end);
    at = end;
    const info = classify({ type, timestamp: 0, payload });
    const { role, slot, keyframe, tracks, compositionTime } = info;
    const coded = role === "header" || role === "frame" || role === "end";
    must(coded === tracks.length > 0, `${role} with ${tracks.length} tracks`);
    must((slot !== undefined) === (role === "header"), `${role} with a slot`);
    must(!keyframe || (role === "frame" && type === "video"), "only a picture is a keyframe");
    must(Math.abs(compositionTime) <= MOST_COMPOSITION, `composition time ${compositionTime}`);
    must(compositionTime === 0 || role === "frame", "only a frame has a composition time");
    for (const { id, codec } of tracks) must(id >= 0 && id < 256 && NAME.test(codec), `track ${id} ${codec}`);
    codecs.learn(type, info);
    const metadata = role === "metadata";
    if (metadata) promisedTracks(payload);
    if (role === "header" || metadata)
      headers.add({ type: MESSAGE[type], time: 0, payload, header: true }, info);
  }
  const { text } = codecs;
  must(/^$|^[\w.-]+(?:,[\w.-]+)*$/.test(text) && text.length <= 200, `codecs ${text}`);
  tracksOf(text);
  const kept = headers.list.reduce((sum, { payload }) => sum + payload.length, 0);
  must(headers.list.length <= 64 && kept <= 4 << 20, "too many headers are kept");
}

export function packetBytes(type: (typeof TYPES)[number], payload: Uint8Array): Buffer {
  const head = Buffer.from([TYPES.indexOf(type), payload.length >> 8, payload.length]);
  return Buffer.concat([head, payload]);
}

export const FOURCC = ["avc1", "hvc1", "av01", "vp09", "mp4a", "Opus", "fLaC", "ac-3", "what"] as const;
const multitrack = joined(
  uint(1),
  exactly(...FOURCC),
  several(joined(uint(1, 3), uint(3, 12), bytesUpTo(12)), 4),
);
const modEx = joined(exactly("\x97", "\xa7", "\xff\xff\xff"), uint(1, 4), bytesUpTo(5), uint(1));
const payload = fc.oneof(
  joined(
    exactly("\x17\0\0\0\0", "\x17\x01\0\0\0", "\x27\x01\xff\xff\xf0", "\x1c\0\0\0\0", "\xaf\0", "\xaf\x01"),
    bytesUpTo(8),
  ),
  joined(
    exactly("\x90", "\x91", "\x93", "\xa1", "\x92", "\x94", "\x95", "\xd4", "\x9f"),
    exactly(...FOURCC),
    bytesUpTo(8),
  ),
  joined(exactly("\x96", "\xa6", "\x95"), multitrack),
  joined(modEx, exactly(...FOURCC), bytesUpTo(8)),
  joined(modEx, multitrack),
  exactly(
    "\x02\0\x0aonMetaData\x08\0\0\0\0\0\x05width\0\x40\x50\0\0\0\0\0\0\0\x06height\0\x40\x50\0\0\0\0\0\0\0\0\t",
  ),
);

/** The packets that real clients published. */
export function seedPackets(): { readonly type: (typeof TYPES)[number]; readonly payload: Buffer }[] {
  const types = new Map([[8, "audio"], [9, "video"], [18, "data"]] as const); // prettier-ignore
  return rtmpSeeds()
    .flatMap(messagesOf)
    .flatMap(({ type: number, payload }) => {
      const type = types.get(number as 8 | 9 | 18);
      return type ? [{ type, payload }] : [];
    });
}

const samples = (["avc1", "hvc1", "av01", "vp09"] as const).flatMap((video) =>
  sampleStream({ video, audio: "Opus", duration: 120, form: "enhanced" }),
);

export const target: FuzzTarget = {
  name: "packet",
  codes: [],
  structure: fc
    .array(fc.tuple(fc.constantFrom(...TYPES), payload), { maxLength: 4 })
    .map((packets) => Buffer.concat(packets.map(([type, bytes]) => packetBytes(type, bytes)))),
  seeds: [
    ...seedPackets().map(({ type, payload: bytes }) => packetBytes(type, bytes.subarray(0, 200))),
    ...samples.map(({ type, payload: bytes }) => packetBytes(type, bytes.subarray(0, 200))),
    ...regressions("packet"),
  ],
  words: [...FOURCC, "\x97", "\xa7", "\x96", "\x95", "onMetaData"],
  mostBytes: 4_096,
  mostSteps: (bytes) => 20_000 + 2_000 * bytes,
  mostMemory: (bytes) => ({ largest: 65_536 + bytes, total: 262_144 + 64 * bytes }),
  run,
};
