import { modEx, multitrackHead } from "./sample-multitrack.ts";

/**
 * Tiny, valid payloads of every codec: 64 x 64 grey pictures and silence, as ffmpeg 5.1 coded them.
 *
 * All functions return the payload of an RTMP message, which is the body of an FLV tag.
 */
export type SampleVideo = "avc1" | "hvc1" | "av01" | "vp09" | "vp08";
export type SampleAudio = "mp4a" | "Opus" | "fLaC" | "ac-3" | "ec-3" | ".mp3";

/** `classic`: codec ids of the FLV specification, and 12 for HEVC. `enhanced`: FourCC. */
export type SampleForm = "classic" | "enhanced";

interface VideoBytes {
  /** avcC, hvcC, av1C or vpcC; empty where the codec has none. */
  readonly config: Buffer;
  readonly key: Buffer;
  readonly inter: Buffer;
}

const hex = (text: string): Buffer => Buffer.from(text, "hex");

export const VIDEO_BYTES: Readonly<Record<SampleVideo, VideoBytes>> = {
  avc1: {
    config: hex("0142c00affe100166742c00ada109b011000000300100000030320f1226a01000468ce0fc8"),
    key: hex("000000136588843a26280c9c9c9d75d75d75d75d75d75e"),
    inter: hex("00000006419a203a8230"),
  },
  hvc1: {
    config: hex(
      "0101600000009000000000001ef000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003001eba" +
        "0240a10001002842010101600000030090000003000003001ea020810596e92930bc05a02000000300200000030321a20001" +
        "00064401c073c089",
    ),
    key: hex("000000092801ac76071c24748e"),
    inter: hex("000000090201d0097883b0a098"),
  },
  av01: {
    config: hex("81000c000a0a00000002afff9b5f2008"),
    key: hex("0a0a00000002afff9b5f2008321010009000082082200000c1b4d0c14df8"),
    inter: hex("321230038080fdf806c000596596281042009530"),
  },
  vp09: {
    config: hex("01000000000a820202020000"),
    key: hex("824983420003f003f60038241c184a00003060000013b818000000"),
    inter: hex("860040929c00500000036000005470"),
  },
  vp08: {
    config: hex(""),
    key: hex("f002009d012a4000400000470885858899848802020006703c42600ab220f73000fec3e000"),
    inter: hex("3102000510ac0018001cd7f40c0000734f7dfb98ede300"),
  },
};

/** AudioSpecificConfig, OpusHead or STREAMINFO; empty where the codec has none. And one frame of silence. */
export const AUDIO_BYTES: Readonly<Record<SampleAudio, { readonly config: Buffer; readonly frame: Buffer }>> =
  {
    mp4a: { config: hex("119056e500"), frame: hex("211004608c1c") },
    Opus: {
      config: hex("4f707573486561640102380180bb0000000000"),
      frame: hex("7807c97227e144ea55f1f0c0d5dde95260"),
    },
    fLaC: {
      config: hex("664c6143800000221200120000000e00000e0bb802f0000012c0281d1df6a4cae29b127dd617fe461ce4"),
      frame: hex("fff85a1800d60000000000000666"),
    },
    "ac-3": {
      config: hex(""),
      frame: Buffer.from(
        "C3e0nghAQ+EG8AEICAghAQEEVx8+fPnz58+fPnz7/nV8+fPnz58+fPj/nV8+fPnz58+fPjL/AkSJIAAAAAG18+fPm222228ePAAAAA2v" +
          "nz58222223jx4YAAAAAABtfPnz5tttttvHjwAAAANr58+fNttttt48eGAAAAAAAbXz58+bbbbbbx48AAAADa+fPnzbbbbbePHhgAAA" +
          "AAAG18+fPm222228ePAAAAA2vnz58222223jx4YAAAAAABtfPnz5tttttvHjwAAAANr58+fNttttt48eGAAAAAAAbXz58+bbbbbbx4" +
          "8AAAADa+fPnzbbbbbePHgAAAAAAAAADiVg==",
        "base64",
      ),
    },
    "ec-3": {
      config: hex(""),
      frame: Buffer.from(
        "C3cAPzSHwAAgAAAAOIAABAQEAQEBAY+fPnz58+fPnz59/zq+fPnz58+fPnx/zq+fPnz58+fPnwAAAd41rWtAAdrWsAAAO8a1rWgAO1rW" +
          "AAAHeNa1rQAHa1rAAADvGta1oADta1gAAB3jWta0AB2tawAAA7xrWtaAA7WtYAAA1cQ=",
        "base64",
      ),
    },
    ".mp3": {
      config: hex(""),
      frame: hex(
        "fffb14641e0ff00000690000000800000d20000001000001a40000002000003480000004" + "55".repeat(60),
      ),
    },
  };

const CLASSIC_VIDEO: Partial<Record<SampleVideo, number>> = { avc1: 7, hvc1: 12 };
const WITH_COMPOSITION_TIME = new Set<SampleVideo>(["avc1", "hvc1"]);

/** A video sequence header. */
export function videoHeader(codec: SampleVideo = "avc1", form: SampleForm = formOf(codec)): Buffer {
  return videoPayload(codec, form, { packetType: 0, key: true, body: VIDEO_BYTES[codec].config });
}

/**
 * One picture. `number` makes it unlike every other one, and stays in a copy: as an SEI in H.264 and HEVC, as bytes
 * after the end of the picture else. `bytes` makes it at least that long.
 */
export function videoFrame(
  options: {
    readonly key?: boolean;
    readonly number?: number;
    readonly cts?: number;
    readonly bytes?: number;
    readonly codec?: SampleVideo;
    readonly form?: SampleForm;
  } = {},
): Buffer {
  const { key = false, number = 0, cts = 0, bytes = 0, codec = "avc1", form = formOf(codec) } = options;
  const picture = key ? VIDEO_BYTES[codec].key : VIDEO_BYTES[codec].inter;
  const body = [numbered(codec, number, bytes - picture.length), picture];
  if (codec !== "avc1" && codec !== "hvc1") body.reverse();
  return videoPayload(codec, form, { packetType: 1, key, cts, body: Buffer.concat(body) });
}

/** An audio sequence header; for MP3 in the classic form there is none, then it throws. */
export function audioHeader(codec: SampleAudio = "mp4a", form: SampleForm = formOf(codec)): Buffer {
  if (form === "classic" && codec !== "mp4a") throw new Error(`${codec} has no classic sequence header`);
  return Buffer.concat([audioHead(codec, form, 0), AUDIO_BYTES[codec].config]);
}

/** One frame of silence. `number` makes it unlike every other one; AAC and MP3 stay decodable. */
export function audioFrame(
  options: { readonly number?: number; readonly codec?: SampleAudio; readonly form?: SampleForm } = {},
): Buffer {
  const { number = 0, codec = "mp4a", form = formOf(codec) } = options;
  const frame = AUDIO_BYTES[codec].frame;
  const mark = sevenBits(number);
  // A data_stream_element with four bytes for AAC [ISO 14496-3 §4.4.2.1], the padding at the end else.
  const body =
    codec === "mp4a"
      ? [Buffer.from([0x81, mark.length]), mark, frame]
      : [frame.subarray(0, frame.length - mark.length), mark];
  return Buffer.concat([audioHead(codec, form, 1), ...body]);
}

/** A video payload of one track of many, or of many tracks, in Enhanced RTMP v2. */
export function multitrackVideo(
  tracks: readonly { readonly id: number; readonly codec: SampleVideo; readonly number?: number }[],
  what: "header" | "key" | "inter",
): Buffer {
  const packetType = what === "header" ? 0 : 3;
  const bodies = tracks.map(({ id, codec, number = 0 }) => {
    const bytes = VIDEO_BYTES[codec];
    const body = what === "header" ? bytes.config : Buffer.concat([numbered(codec, number, 0), bytes[what]]);
    return { id, codec, body };
  });
  const frameType = what === "inter" ? 2 : 1;
  return multitrackHead(0x80 | (frameType << 4) | 6, packetType, bodies);
}

/** The same payload behind a ModEx that shifts it by so many nanoseconds. */
export function withNanoseconds(payload: Buffer, nanoseconds: number): Buffer {
  const data = Buffer.alloc(3);
  data.writeUIntBE(nanoseconds, 0, 3);
  return modEx(payload, 0, data);
}

function formOf(codec: SampleVideo | SampleAudio): SampleForm {
  return codec === "avc1" || codec === "mp4a" ? "classic" : "enhanced";
}

interface VideoParts {
  readonly packetType: 0 | 1;
  readonly key: boolean;
  readonly cts?: number;
  readonly body: Buffer;
}

function videoPayload(
  codec: SampleVideo,
  form: SampleForm,
  { packetType, key, cts = 0, body }: VideoParts,
): Buffer {
  const frameType = key ? 1 : 2;
  const time = Buffer.alloc(3);
  time.writeIntBE(cts, 0, 3);
  if (form === "classic") {
    const id = CLASSIC_VIDEO[codec];
    if (id === undefined) throw new Error(`${codec} has no classic form`);
    return Buffer.concat([Buffer.from([(frameType << 4) | id, packetType]), time, body]);
  }
  const head = Buffer.from([0x80 | (frameType << 4) | packetType]);
  const timed = packetType === 1 && WITH_COMPOSITION_TIME.has(codec);
  return Buffer.concat([head, Buffer.from(codec, "latin1"), timed ? time : Buffer.alloc(0), body]);
}

function audioHead(codec: SampleAudio, form: SampleForm, packetType: 0 | 1): Buffer {
  if (form === "enhanced")
    return Buffer.concat([Buffer.from([(9 << 4) | packetType]), Buffer.from(codec, "latin1")]);
  if (codec === "mp4a") return Buffer.from([0xaf, packetType]);
  if (codec === ".mp3") return Buffer.from([0x2f]);
  throw new Error(`${codec} has no classic form`);
}

function numbered(codec: SampleVideo, number: number, padding: number): Buffer {
  const mark = Buffer.concat([sevenBits(number), Buffer.alloc(Math.max(0, padding), 0xaa)]);
  if (codec !== "avc1" && codec !== "hvc1") return mark;
  // SEI, user_data_unregistered. [H.264 §D.1.6, H.265 §D.2.6]
  const nal = codec === "avc1" ? [0x06, 5] : [0x4e, 0x01, 5];
  const size = 16 + mark.length;
  const sizes = [...Array<number>(Math.floor(size / 255)).fill(255), size % 255];
  const sei = Buffer.concat([
    Buffer.from([...nal, ...sizes]),
    Buffer.alloc(16, 0x48),
    mark,
    Buffer.from([0x80]),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(sei.length);
  return Buffer.concat([length, sei]);
}

/** Bytes from 0x80 up, so that no start code can come of them. */
function sevenBits(number: number): Buffer {
  return Buffer.from([21, 14, 7, 0].map((shift) => 0x80 | ((number >>> shift) & 0x7f)));
}
