import type { PullOptions } from "../pull-options.ts";
import { AacReceiver } from "./aac.ts";
import type { MediaWriter } from "./media-writer.ts";
import { readRtcp, readRtp } from "./node-media-server.ts";
import { TrackClock } from "./track-clock.ts";
import type { Track } from "./tracks.ts";
import { UnitBuffer } from "./unit-buffer.ts";
import { VideoReceiver } from "./video-receiver.ts";

/** A track that was set up. */
export interface TrackSetup {
  readonly track: Track;
  /** RTP, RTCP. */
  readonly channels: readonly [number, number];
}

interface Line extends TrackSetup {
  readonly clock: TrackClock;
  readonly receiver: VideoReceiver | AacReceiver;
  left: boolean;
}

/** Frames lie behind up to 8 bytes, and FLV counts to 2^24 - 1. */
const HEAD_ROOM = 16;

/** Takes the interleaved packets of all tracks, and gives messages on one clock. */
export class TracksReceiver {
  readonly #lines: readonly Line[];
  readonly #now: () => number;
  readonly #hear: () => void;
  #began: number | undefined;

  /** @param hear  called with each packet of media */
  constructor(
    setups: readonly TrackSetup[],
    { limits, budgets, clock }: PullOptions,
    write: MediaWriter,
    hear: () => void,
  ) {
    this.#now = () => clock.monotonic();
    this.#hear = hear;
    this.#lines = setups.map((setup) => {
      const unit = new UnitBuffer(limits.messageAfterPublish - HEAD_ROOM, budgets.all);
      const { track } = setup;
      const clock = new TrackClock(track.media.clockRate);
      const receiver =
        track.kind === "video"
          ? new VideoReceiver(track.format, clock, unit, write)
          : new AacReceiver(track.format, clock, unit, write);
      return { ...setup, clock, receiver, left: false };
    });
  }

  /** Whether the source has said goodbye for every track. */
  get ended(): boolean {
    return this.#lines.every(({ left }) => left);
  }

  /** What the answer to PLAY says of where tracks begin: used when it speaks of all of them. */
  begin(info: readonly { readonly url: string; readonly rtpTime: number }[]): void {
    const times = this.#lines.map(
      ({ track }) =>
        info.find(({ url }) => track.uri === url || (url !== "" && track.uri.endsWith(url)))?.rtpTime,
    );
    if (times.includes(undefined)) return;
    for (const [index, line] of this.#lines.entries()) line.clock.rtpInfo = times[index];
  }

  /** @throws HoldfastError `LIMIT_EXCEEDED` */
  take(channel: number, data: Buffer): void {
    for (const line of this.#lines) {
      if (channel === line.channels[0]) this.#media(line, data);
      else if (channel === line.channels[1]) this.#control(line, data);
    }
  }

  /** Give what waits for more, and the memory back. */
  close(): void {
    for (const { receiver } of this.#lines) {
      receiver.flush();
      receiver.close();
    }
  }

  #media({ track, receiver }: Line, data: Buffer): void {
    const packet = readRtp(data);
    if (packet?.payloadType !== track.media.payloadType) return;
    this.#hear();
    receiver.receive(packet, this.#elapsed());
  }

  #control(line: Line, data: Buffer): void {
    const { reports, bye } = readRtcp(data);
    line.left ||= bye;
    for (const report of reports)
      if (report.ssrc === line.receiver.ssrc || report.ssrc === 0) line.clock.heard(report, this.#elapsed());
    const video = this.#lines.find(({ track }) => track.kind === "video");
    const audio = this.#lines.find(({ track }) => track.kind === "audio");
    if (video && audio) audio.clock.alignTo(video.clock);
  }

  #elapsed(): number {
    this.#began ??= this.#now();
    return this.#now() - this.#began;
  }
}
