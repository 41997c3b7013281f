import { readAvcSps, type SpsInfo } from "./avc-sps.ts";
import { BitReader } from "./bit-reader.ts";
import type { UnitBuffer } from "./unit-buffer.ts";
import { takeFragment, takeSeveral, takeWhole } from "./unpack.ts";
import { ParameterSets, sized, type NalRole, type VideoFormat } from "./video-format.ts";

const NAL_SLICE = 1;
const NAL_IDR = 5;
const NAL_SEI = 6;
const NAL_SPS = 7;
const NAL_PPS = 8;
const STAP_A = 24;
const FU_A = 28;
/** Their record has the chroma format and the bit depths, too. [ISO 14496-15 §5.3.3.1.2] */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 144]);

/** H.264: RFC 6184 on one side, FLV's AVC on the other. */
export class Avc implements VideoFormat {
  readonly room = 5;
  readonly metadataId = 7;
  readonly #sps = new ParameterSets();
  readonly #pps = new ParameterSets();
  #info: SpsInfo | undefined;
  #header: Buffer | undefined;

  get info(): SpsInfo | undefined {
    return this.#info;
  }

  get sequenceHeader(): Buffer | undefined {
    return (this.#header ??= this.#makeHeader());
  }

  unpack(payload: Buffer, unit: UnitBuffer, onNal: (nal: Buffer) => void): boolean {
    const type = (payload[0] ?? 0) & 0x1f;
    if (type > 0 && type < STAP_A) return takeWhole(payload, unit, onNal);
    if (type === STAP_A) return takeSeveral(payload.subarray(1), unit, onNal);
    // The others need an interleaved mode, which was not asked for.
    if (type !== FU_A || payload.length < 3) return false;
    const [indicator, head] = [payload[0] as number, payload[1] as number];
    const header = Buffer.from([(indicator & 0xe0) | (head & 0x1f)]);
    const [first, last] = [(head & 0x80) !== 0, (head & 0x40) !== 0];
    return takeFragment({ first, last, header, data: payload.subarray(2) }, unit, onNal);
  }

  roleOf(nal: Buffer): NalRole {
    const type = (nal[0] ?? 0) & 0x1f;
    if (type === NAL_SPS || type === NAL_PPS) return "parameters";
    if (type === NAL_IDR) return "key";
    if (type >= NAL_SLICE && type < NAL_IDR) return "picture";
    return type === NAL_SEI ? "extra" : "junk";
  }

  /** first_mb_in_slice is 0. Data partitions B and C begin with another number, and are never first. */
  isFirst(nal: Buffer): boolean {
    return ((nal[1] ?? 0) & 0x80) !== 0;
  }

  learn(nal: Buffer): void {
    const sps = ((nal[0] ?? 0) & 0x1f) === NAL_SPS;
    const id = idOf(nal, sps);
    if (id === undefined) return;
    const info = sps ? readAvcSps(nal) : undefined;
    if (sps && !info) return;
    if (!(sps ? this.#sps : this.#pps).put(id, nal)) return;
    this.#info = info ?? this.#info;
    this.#header = undefined;
  }

  writeHead(frame: Buffer, key: boolean, compositionTime: number): void {
    frame[0] = key ? 0x17 : 0x27;
    frame[1] = 1;
    frame.writeIntBE(compositionTime, 2, 3);
  }

  #makeHeader(): Buffer | undefined {
    const [sps, pps] = [this.#sps.all, this.#pps.all];
    const first = sps[0];
    if (!first || pps.length === 0 || !this.#info) return undefined;
    const [profile = 0, compatibility = 0, level = 0] = first.subarray(1, 4);
    const { chromaFormat, lumaBits, chromaBits } = this.#info;
    const extension = [0xfc | chromaFormat, 0xf8 | (lumaBits - 8), 0xf8 | (chromaBits - 8), 0];
    return Buffer.concat([
      Buffer.from([0x17, 0, 0, 0, 0, 1, profile, compatibility, level, 0xff, 0xe0 | sps.length]),
      ...sized(sps),
      Buffer.from([pps.length]),
      ...sized(pps),
      Buffer.from(HIGH_PROFILES.has(profile) ? extension : []),
    ]);
  }
}

function idOf(nal: Buffer, sps: boolean): number | undefined {
  try {
    return new BitReader(nal.subarray(sps ? 4 : 1, 16)).count(sps ? 31 : 255);
  } catch {
    return undefined;
  }
}
