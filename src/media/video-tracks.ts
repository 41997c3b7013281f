import type { PacketInfo } from "./packet.ts";

/** ms without a picture after which a track counts as gone, and after which nobody waits for its keyframe any more. */
export const VIDEO_GONE = 10_000;

interface VideoTrack {
  /** When it was first heard of, or its newest picture came. */
  lastAt: number;
  /** A keyframe was passed on, and nobody began without one since: the pictures after it can be decoded. */
  started: boolean;
  /** A keyframe was passed on once. */
  known: boolean;
  /** When the first of the pictures came that are withheld until the next keyframe. */
  withheldSince: number | undefined;
}

/**
 * The video tracks of one source: with which keyframes players begin, and which pictures can be decoded.
 *
 * Players begin with the lowest track that is alive: "Multitrack Capabilities" of E-RTMP v2 wants it to be the default
 * one. A picture is passed on after a keyframe of its own track only, whatever the other tracks do.
 */
export class VideoTracks {
  readonly #tracks = new Map<number, VideoTrack>();
  /** A source that sends single pictures far apart and no keyframes: nobody waits for one again. */
  #withoutKeyframes = false;

  /** A header or a picture came. At most 256 tracks: an id is one byte. */
  hear({ role, tracks }: PacketInfo, now: number): void {
    for (const { id } of tracks) {
      if (role === "end") this.#tracks.delete(id);
      else if (!this.#tracks.has(id))
        this.#tracks.set(id, { lastAt: now, started: false, known: false, withheldSince: undefined });
    }
    if (role !== "frame") return;
    for (const { id } of tracks) {
      const track = this.#tracks.get(id);
      if (track) track.lastAt = now;
    }
  }

  /** Whether this packet has a picture of the track that players begin with. */
  isMain({ tracks }: PacketInfo, now: number): boolean {
    if (this.#tracks.size === 1) return tracks.some(({ id }) => this.#tracks.has(id));
    const main = this.#main(now);
    return tracks.some(({ id }) => id === main);
  }

  /** A keyframe is passed on. */
  start(info: PacketInfo): void {
    this.#withoutKeyframes = false;
    for (const track of this.#of(info)) {
      track.started = true;
      track.known = true;
      track.withheldSince = undefined;
    }
  }

  /** Whether players can decode this picture with what they were sent. */
  canDecode(info: PacketInfo, now: number): boolean {
    if (info.tracks.some(({ id }) => this.#tracks.get(id)?.started)) return true;
    const track = this.#of(info).find(({ known }) => known);
    if (!track) return false;
    track.withheldSince ??= now;
    if (now - track.withheldSince < VIDEO_GONE) return false;
    // Who was there before still can: better than a still picture for ever.
    this.#withoutKeyframes = true;
    track.started = true;
    return true;
  }

  /** Players began without a picture: all tracks must begin again with a keyframe. */
  restart(): void {
    if (this.#withoutKeyframes) return;
    for (const track of this.#tracks.values()) track.started = false;
  }

  #main(now: number): number | undefined {
    const ids = [...this.#tracks.keys()].sort((a, b) => a - b);
    const alive = ids.find((id) => now - (this.#tracks.get(id)?.lastAt ?? 0) < VIDEO_GONE);
    return alive ?? ids[0];
  }

  #of({ tracks }: Pick<PacketInfo, "tracks">): VideoTrack[] {
    return tracks.flatMap(({ id }) => this.#tracks.get(id) ?? []);
  }
}
