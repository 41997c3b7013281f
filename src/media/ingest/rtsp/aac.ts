import type { MediaWriter } from "./media-writer.ts";
import type { RtpPacket, SdpMedia } from "./node-media-server.ts";
import { Sequence } from "./sequence.ts";
import type { TrackClock } from "./track-clock.ts";
import type { UnitBuffer } from "./unit-buffer.ts";

/** How sounds lie in RTP packets. [RFC 3640 §4.1] */
export interface AacFormat {
  /** AudioSpecificConfig [ISO 14496-3 §1.6.2.1] */
  readonly config: Buffer;
  /** Hz of one coded sample, without spectral band replication. */
  readonly sampleRate: number;
  readonly channels: number;
  /** ms */
  readonly frameDuration: number;
  readonly sizeBits: number;
  readonly indexBits: number;
  readonly indexDeltaBits: number;
}

const SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
] as const;
const ESCAPED_RATE = 15;
const MOST_CONFIG = 64;
/** AAC, sound of 44 kHz, 16 bits, stereo: what FLV demands for all AAC. [FLV 10.1 §E.4.2.1] */
const AAC = 0xaf;

/** Read what a session description says of an AAC track; `undefined` when it cannot be used. */
export function readAacFormat({ parameters }: SdpMedia): AacFormat | undefined {
  const text = parameters.get("config") ?? "";
  if (!/^(?:[0-9a-f]{2}){2,64}$/i.test(text) || text.length > 2 * MOST_CONFIG) return undefined;
  const config = Buffer.from(text, "hex");
  const index = (config.readUInt16BE(0) >> 7) & 0x0f;
  // 5 bits of type, 4 of index, 24 of the rate: 33 bits
  if (index === ESCAPED_RATE && config.length < 5) return undefined;
  const sampleRate =
    index === ESCAPED_RATE ? (config.readUIntBE(1, 4) >>> 7) & 0xffffff : SAMPLE_RATES[index];
  const bits = ["sizelength", "indexlength", "indexdeltalength"].map((name) =>
    Number(parameters.get(name) ?? "0"),
  );
  const [sizeBits = 0, indexBits = 0, indexDeltaBits = 0] = bits;
  const usable = bits.every((count) => Number.isInteger(count) && count >= 0 && count <= 16) && sizeBits > 0;
  if (!usable || !sampleRate) return undefined;
  const channels = index === ESCAPED_RATE ? 2 : ((config[1] as number) >> 3) & 0x0f;
  const frameDuration = (1_024 * 1_000) / sampleRate;
  return { config, sampleRate, channels, frameDuration, sizeBits, indexBits, indexDeltaBits };
}

/**
 * Takes sounds out of RTP packets: several whole ones, or a part of one. What was lost is left out, the rest is whole.
 *
 * @see RFC 3640 §3.2
 */
export class AacReceiver {
  readonly #format: AacFormat;
  readonly #clock: TrackClock;
  readonly #unit: UnitBuffer;
  readonly #write: MediaWriter;
  readonly #sequence = new Sequence();
  #started = false;
  /** A sound in parts: its length, and the timestamp of all of them. */
  #partial: { readonly size: number; readonly timestamp: number } | undefined;

  constructor(format: AacFormat, clock: TrackClock, unit: UnitBuffer, write: MediaWriter) {
    this.#format = format;
    this.#clock = clock;
    this.#unit = unit;
    this.#write = write;
  }

  get ssrc(): number {
    return this.#sequence.ssrc;
  }

  /** @throws HoldfastError `LIMIT_EXCEEDED`, and what the writer throws */
  receive(packet: RtpPacket, arrival: number): void {
    const following = this.#sequence.follow(packet);
    if (following === "late") return;
    if (following === "restart") this.#clock.restart();
    if (following !== "next") this.#forget();
    const { payload, timestamp } = packet;
    const sizes = this.#sizes(payload);
    const time = this.#clock.time(timestamp, arrival);
    if (!sizes) return;
    let at = sizes.end;
    const [first = 0] = sizes.all;
    if (sizes.all.length === 1 && first > payload.length - at) {
      this.#part(payload.subarray(at), first, timestamp, time);
      return;
    }
    this.#forget();
    for (const [index, size] of sizes.all.entries()) {
      if (at + size > payload.length) return;
      this.#sound(payload.subarray(at, at + size), time + index * this.#format.frameDuration);
      at += size;
    }
  }

  flush(): void {
    this.#forget();
  }

  close(): void {
    this.#unit.release();
  }

  #part(data: Buffer, size: number, timestamp: number, time: number): void {
    if (this.#partial?.timestamp !== timestamp || this.#partial.size !== size) this.#forget();
    this.#partial = { size, timestamp };
    this.#unit.append(data);
    if (this.#unit.length < size) return;
    const whole = this.#unit.length === size;
    const sound = this.#unit.take(0);
    this.#partial = undefined;
    if (whole) this.#sound(sound, time);
  }

  #forget(): void {
    this.#partial = undefined;
    this.#unit.clear();
  }

  #sound(data: Buffer, time: number): void {
    if (data.length === 0) return;
    if (!this.#started)
      this.#write("audio", time, Buffer.concat([Buffer.from([AAC, 0]), this.#format.config]));
    this.#started = true;
    this.#write("audio", time, Buffer.concat([Buffer.from([AAC, 1]), data]));
  }

  /** Read the AU headers; `undefined` when they are damaged. */
  #sizes(payload: Buffer): { readonly all: readonly number[]; readonly end: number } | undefined {
    if (payload.length < 2) return undefined;
    const { sizeBits, indexBits, indexDeltaBits } = this.#format;
    const bits = payload.readUInt16BE(0);
    const end = 2 + Math.ceil(bits / 8);
    if (end > payload.length) return undefined;
    const all: number[] = [];
    let at = 0;
    while (at < bits) {
      const skipped = all.length === 0 ? indexBits : indexDeltaBits;
      if (at + sizeBits + skipped > bits) break;
      all.push(bitsAt(payload, 16 + at, sizeBits));
      at += sizeBits + skipped;
    }
    return all.length === 0 ? undefined : { all, end };
  }
}

function bitsAt(data: Buffer, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++)
    value = value * 2 + (((data[at >> 3] as number) >> (7 - (at & 7))) & 1);
  return value;
}
