import { readHevcSps, type HevcSpsInfo } from "./hevc-sps.ts";
import type { UnitBuffer } from "./unit-buffer.ts";
import { takeFragment, takeSeveral, takeWhole } from "./unpack.ts";
import { ParameterSets, sized, type NalRole, type VideoFormat } from "./video-format.ts";

const NAL_RASL_N = 8;
const NAL_RASL_R = 9;
const NAL_FIRST_KEY = 16;
const NAL_LAST_KEY = 21;
const NAL_LAST_SLICE = 31;
const NAL_VPS = 32;
const NAL_SPS = 33;
const NAL_PPS = 34;
const NAL_PREFIX_SEI = 39;
const NAL_SUFFIX_SEI = 40;
const AGGREGATION = 48;
const FRAGMENTATION = 49;

const FOURCC = Buffer.from("hvc1", "latin1");
/** "Enhanced" and the frame type. [E-RTMP v2, ExVideoTagHeader] */
const KEY_FRAME = 0x90;
const INTER_FRAME = 0xa0;
const SEQUENCE_START = 0;
const CODED_FRAMES = 1;

/** H.265: RFC 7798 on one side, Enhanced RTMP's `hvc1` on the other. */
export class Hevc implements VideoFormat {
  readonly room = 8;
  readonly metadataId = FOURCC.readUInt32BE(0);
  readonly #vps = new ParameterSets();
  readonly #sps = new ParameterSets();
  readonly #pps = new ParameterSets();
  #info: HevcSpsInfo | undefined;
  #header: Buffer | undefined;

  get info(): HevcSpsInfo | undefined {
    return this.#info;
  }

  get sequenceHeader(): Buffer | undefined {
    return (this.#header ??= this.#makeHeader());
  }

  unpack(payload: Buffer, unit: UnitBuffer, onNal: (nal: Buffer) => void): boolean {
    if (payload.length < 3) return false;
    const type = typeOf(payload);
    if (type < AGGREGATION) return takeWhole(payload, unit, onNal);
    if (type === AGGREGATION) return takeSeveral(payload.subarray(2), unit, onNal);
    if (type !== FRAGMENTATION || payload.length < 4) return false;
    const [layer, temporal, head] = [payload[0] as number, payload[1] as number, payload[2] as number];
    const header = Buffer.from([(layer & 0x81) | ((head & 0x3f) << 1), temporal]);
    const [first, last] = [(head & 0x80) !== 0, (head & 0x40) !== 0];
    return takeFragment({ first, last, header, data: payload.subarray(3) }, unit, onNal);
  }

  roleOf(nal: Buffer): NalRole {
    const type = typeOf(nal);
    if (type === NAL_RASL_N || type === NAL_RASL_R) return "leading";
    if (type >= NAL_FIRST_KEY && type <= NAL_LAST_KEY) return "key";
    if (type <= NAL_LAST_SLICE) return "picture";
    if (type <= NAL_PPS) return "parameters";
    return type === NAL_PREFIX_SEI || type === NAL_SUFFIX_SEI ? "extra" : "junk";
  }

  /** first_slice_segment_in_pic_flag */
  isFirst(nal: Buffer): boolean {
    return ((nal[2] ?? 0) & 0x80) !== 0;
  }

  /** Sources have one set of each kind: a new one takes the place of the old, whatever its id. */
  learn(nal: Buffer): void {
    const type = typeOf(nal);
    const info = type === NAL_SPS ? readHevcSps(nal) : undefined;
    if (type === NAL_SPS && !info) return;
    const sets = type === NAL_VPS ? this.#vps : type === NAL_SPS ? this.#sps : this.#pps;
    if (!sets.put(0, nal)) return;
    this.#info = info ?? this.#info;
    this.#header = undefined;
  }

  writeHead(frame: Buffer, key: boolean, compositionTime: number): void {
    frame[0] = (key ? KEY_FRAME : INTER_FRAME) | CODED_FRAMES;
    FOURCC.copy(frame, 1);
    frame.writeIntBE(compositionTime, 5, 3);
  }

  /** @see ISO 14496-15 §8.3.3.1.2 */
  #makeHeader(): Buffer | undefined {
    const sets = [this.#vps.all, this.#sps.all, this.#pps.all] as const;
    if (!this.#info || sets.some((kind) => kind.length === 0)) return undefined;
    const { profile, chromaFormat, lumaBits, chromaBits, temporalLayers, temporalNested } = this.#info;
    const layers = (Math.min(temporalLayers, 7) << 3) | (temporalNested ? 4 : 0) | 3;
    const arrays = sets.flatMap((kind, index) => [
      Buffer.from([0x80 | (NAL_VPS + index), 0, kind.length]),
      ...sized(kind),
    ]);
    return Buffer.concat([
      Buffer.from([KEY_FRAME | SEQUENCE_START]),
      FOURCC,
      Buffer.from([1]),
      profile,
      Buffer.from([0xf0, 0, 0xfc, 0xfc | chromaFormat, 0xf8 | (lumaBits - 8), 0xf8 | (chromaBits - 8), 0, 0]),
      Buffer.from([layers, sets.length]),
      ...arrays,
    ]);
  }
}

function typeOf(nal: Buffer): number {
  return ((nal[0] ?? 0) >> 1) & 0x3f;
}
