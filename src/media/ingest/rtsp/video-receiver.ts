import { DecodeTimes, type TimedFrame } from "./decode-times.ts";
import type { MediaWriter } from "./media-writer.ts";
import type { RtpPacket } from "./node-media-server.ts";
import { Sequence } from "./sequence.ts";
import type { TrackClock } from "./track-clock.ts";
import type { UnitBuffer } from "./unit-buffer.ts";
import type { VideoFormat } from "./video-format.ts";

interface Frame extends TimedFrame {
  readonly payload: Buffer;
  readonly key: boolean;
  /** To be sent before it. */
  readonly header: Buffer | undefined;
}

/**
 * Puts pictures together from RTP packets: one message for each access unit, which ends with the marker or with
 * another timestamp.
 *
 * A picture with a part missing is dropped, and so are all after it until one that a decoder can begin with.
 */
export class VideoReceiver {
  readonly #format: VideoFormat;
  readonly #clock: TrackClock;
  readonly #unit: UnitBuffer;
  readonly #write: MediaWriter;
  readonly #times = new DecodeTimes<Frame>((frame, dts) => this.#send(frame, dts));
  readonly #sequence = new Sequence();
  readonly #onNal = (nal: Buffer): void => this.#sort(nal);
  #timestamp: number | undefined;
  /** Of the last picture that was finished. */
  #ended: number | undefined;
  #pts = 0;
  #jumps = 0;
  #pictures = 0;
  #key = false;
  #leading = false;
  #damaged = false;
  #waiting = true;
  /** After a picture that can be begun with: those that need older ones are not sent. */
  #skipsLeading = false;
  /** False once pictures have been seen to go on behind a marker. */
  #trustsMarker = true;
  #sent: Buffer | undefined;

  constructor(format: VideoFormat, clock: TrackClock, unit: UnitBuffer, write: MediaWriter) {
    this.#format = format;
    this.#clock = clock;
    this.#unit = unit;
    this.#write = write;
  }

  get ssrc(): number {
    return this.#sequence.ssrc;
  }

  /**
   * @param arrival  ms since the session began
   * @throws HoldfastError `LIMIT_EXCEEDED`, and what the writer throws
   */
  receive(packet: RtpPacket, arrival: number): void {
    const following = this.#sequence.follow(packet);
    if (following === "late") return;
    if (following !== "next") this.#miss(following === "restart");
    if (packet.timestamp !== this.#timestamp) {
      this.#finish();
      this.#timestamp = packet.timestamp;
      this.#pts = this.#clock.time(packet.timestamp, arrival);
    }
    if (packet.payload.length > 0 && !this.#format.unpack(packet.payload, this.#unit, this.#onNal))
      this.#damaged = true;
    // Some sources mark the parameter sets, too.
    if (packet.marker && this.#trustsMarker && this.#pictures > 0) this.#finish();
  }

  /** Send what waits for more. */
  flush(): void {
    this.#times.flush();
  }

  close(): void {
    this.#unit.release();
  }

  #miss(restarted: boolean): void {
    if (this.#unit.length > 0) this.#damaged = true;
    this.#waiting = true;
    if (restarted) this.#clock.restart();
  }

  #sort(nal: Buffer): void {
    const role = this.#format.roleOf(nal);
    if (role === "parameters") this.#format.learn(nal);
    if (role === "parameters" || role === "junk") this.#unit.dropLast();
    if (role !== "key" && role !== "picture" && role !== "leading") return;
    if (this.#pictures === 0 && !this.#format.isFirst(nal)) this.#miscounted();
    this.#pictures += 1;
    this.#key ||= role === "key";
    this.#leading ||= role === "leading";
  }

  /** A picture without its beginning: lost, or behind a marker that did not mean the end. */
  #miscounted(): void {
    this.#damaged = true;
    if (this.#ended === this.#timestamp) this.#trustsMarker = false;
  }

  #finish(): void {
    const [pictures, key, leading, damaged] = [this.#pictures, this.#key, this.#leading, this.#damaged];
    this.#pictures = 0;
    this.#key = false;
    this.#leading = false;
    this.#damaged = false;
    if (damaged || this.#unit.open) this.#waiting = true;
    if (pictures > 0) this.#ended = this.#timestamp;
    if (pictures === 0 || damaged || this.#unit.open || !this.#wants(key, leading)) this.#unit.clear();
    else this.#frame(key);
  }

  #wants(key: boolean, leading: boolean): boolean {
    if (this.#waiting) return key && this.#format.sequenceHeader !== undefined;
    if (!leading && !key) this.#skipsLeading = false;
    return !(leading && this.#skipsLeading);
  }

  #frame(key: boolean): void {
    const header = this.#format.sequenceHeader;
    const changed = header !== this.#sent;
    if (changed || this.#waiting || this.#jumps !== this.#clock.jumps)
      this.#times.restart(this.#format.info?.reorder);
    if (this.#waiting) this.#skipsLeading = true;
    this.#jumps = this.#clock.jumps;
    this.#waiting = false;
    this.#sent = header;
    const payload = this.#unit.take(this.#format.room);
    this.#times.push({ pts: this.#pts, payload, key, header: changed ? header : undefined });
  }

  #send({ pts, payload, key, header }: Frame, dts: number): void {
    if (header) this.#write("video", dts, header);
    // Both are rounded as the timestamp is, so that the time of presentation is exact.
    this.#format.writeHead(payload, key, Math.round(pts) - Math.round(dts));
    this.#write("video", dts, payload);
  }
}
