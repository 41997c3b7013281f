/** What an RTP packet says. */
export interface RtpFields {
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Buffer;
  readonly marker?: boolean;
  readonly type?: number;
  readonly ssrc?: number;
}

/** An RTP packet. [RFC 3550 §5.1] */
export function rtp({
  sequence,
  timestamp,
  payload,
  marker = false,
  type = 96,
  ssrc = 7,
}: RtpFields): Buffer {
  const head = Buffer.alloc(12);
  head[0] = 0x80;
  head[1] = (marker ? 0x80 : 0) | type;
  head.writeUInt16BE(sequence & 0xffff, 2);
  head.writeUInt32BE(timestamp >>> 0, 4);
  head.writeUInt32BE(ssrc, 8);
  return Buffer.concat([head, payload]);
}

/** A packet between RTSP messages. [RFC 2326 §10.12] */
export function interleaved(channel: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x24, channel, data.length >> 8, data.length & 0xff]), data]);
}

/** An RTCP sender report without blocks. [RFC 3550 §6.4.1] */
export function senderReport(wallMs: number, timestamp: number, ssrc = 7): Buffer {
  const data = Buffer.alloc(28);
  data[0] = 0x80;
  data[1] = 200;
  data.writeUInt16BE(6, 2);
  data.writeUInt32BE(ssrc, 4);
  data.writeUInt32BE(Math.floor(wallMs / 1_000), 8);
  data.writeUInt32BE(Math.floor(((wallMs % 1_000) / 1_000) * 2 ** 32), 12);
  data.writeUInt32BE(timestamp >>> 0, 16);
  return data;
}

/** An RTCP goodbye. [RFC 3550 §6.6] */
export function goodbye(ssrc = 7): Buffer {
  const data = Buffer.from([0x81, 203, 0, 1, 0, 0, 0, 0]);
  data.writeUInt32BE(ssrc, 4);
  return data;
}

export interface SpsFields {
  readonly profile: number;
  readonly references: number;
  /** In macroblocks. */
  readonly columns?: number;
}

/** An H.264 sequence parameter set without VUI, so that nothing tells how pictures are reordered. */
export function avcSps({ profile, references, columns = 20 }: SpsFields): Buffer {
  const ue = (value: number): string => {
    const bits = (value + 1).toString(2);
    return "0".repeat(bits.length - 1) + bits;
  };
  // id, frame numbers, POC type 0, POC bits, references, no gaps, size, frames only, direct 8x8, no crop, no VUI, end
  const bits = `${ue(0)}${ue(0)}${ue(0)}${ue(4)}${ue(references)}0${ue(columns - 1)}${ue(14)}11001`;
  const bytes = bits.match(/.{1,8}/g)?.map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2)) ?? [];
  return Buffer.from([0x67, profile, 0, 30, ...bytes]);
}

export const AVC_PPS = Buffer.from("68ebecb2", "hex");

/** A picture: its NAL unit begins as that of a first slice does. */
export function avcPicture(key: boolean, number: number, bytes = 64): Buffer {
  const nal = Buffer.alloc(bytes, number & 0xff);
  nal[0] = key ? 0x65 : 0x41;
  nal[1] = 0x80;
  nal.writeUInt16BE(number, 2);
  return nal;
}

/** A NAL unit in fragments. [RFC 6184 §5.8] */
export function fragments(nal: Buffer, most: number): Buffer[] {
  const header = nal[0] as number;
  const parts: Buffer[] = [];
  for (let at = 1; at < nal.length; at += most) {
    const flags = (at === 1 ? 0x80 : 0) | (at + most >= nal.length ? 0x40 : 0);
    const head = Buffer.from([(header & 0xe0) | 28, flags | (header & 0x1f)]);
    parts.push(Buffer.concat([head, nal.subarray(at, at + most)]));
  }
  return parts;
}

export interface PictureOptions {
  readonly key?: boolean;
  readonly timestamp: number;
  readonly bytes?: number;
  /** NAL units before it. */
  readonly before?: readonly Buffer[];
  readonly marker?: boolean;
  /** Packets that get lost. */
  readonly lose?: (index: number, count: number) => boolean;
}

/** Sends pictures of a camera: large ones in fragments. */
export class PictureSender {
  #sequence: number;
  #number = 0;
  readonly ssrc: number;

  constructor(sequence = 1_000, ssrc = 7) {
    this.#sequence = sequence;
    this.ssrc = ssrc;
  }

  /** The interleaved packets of one picture, on channel 0. */
  picture(options: PictureOptions): Buffer {
    const { key = false, timestamp, bytes = 64, before = [], marker = true, lose = () => false } = options;
    const nal = avcPicture(key, ++this.#number, bytes);
    const payloads = [...before, ...(nal.length > 1_000 ? fragments(nal, 900) : [nal])];
    const packets = payloads.map((payload, index) => ({
      lost: lose(index, payloads.length),
      bytes: this.packet(payload, timestamp, marker && index === payloads.length - 1),
    }));
    return Buffer.concat(packets.flatMap((packet) => (packet.lost ? [] : [packet.bytes])));
  }

  packet(payload: Buffer, timestamp: number, marker: boolean): Buffer {
    const sequence = this.#sequence++;
    return interleaved(0, rtp({ sequence, timestamp, payload, marker, ssrc: this.ssrc }));
  }
}

/** An AAC frame in a packet of its own. [RFC 3640 §3.3.6] */
export function aacPacket(sequence: number, timestamp: number, frames: readonly Buffer[], type = 97): Buffer {
  const heads = frames.map((frame) => {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(frame.length << 3);
    return head;
  });
  const bits = Buffer.alloc(2);
  bits.writeUInt16BE(16 * frames.length);
  return rtp({
    sequence,
    timestamp,
    payload: Buffer.concat([bits, ...heads, ...frames]),
    marker: true,
    type,
    ssrc: 8,
  });
}
