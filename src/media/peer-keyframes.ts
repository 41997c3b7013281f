import type { MediaPacket } from "../domain/ports/channel.ts";
import { ownPacket } from "./own-bytes.ts";
import type { PacketInfo } from "./packet.ts";

/** A packet, and what it is for. */
export interface Classified {
  readonly packet: MediaPacket;
  readonly info: PacketInfo;
}

const MOST_HELD = 16;
const MOST_BYTES = 4 * 1_048_576;

/**
 * Keyframes of other tracks than the one that players begin with, in a stream with several video tracks.
 *
 * Tracks of one encoder begin their groups together, in packets of the same timestamp and in any order. A player that
 * begins with the main track's keyframe would miss those that came just before it. So they are held back until the
 * packet after them shows whether they belong to a group that is about to begin. Bounded: what does not fit is not held.
 */
export class PeerKeyframes {
  #held: Classified[] = [];
  #bytes = 0;

  /** @returns false when there is no room for it */
  hold(one: Classified): boolean {
    const bytes = this.#bytes + one.packet.payload.length;
    if (this.#held.length >= MOST_HELD || bytes > MOST_BYTES) return false;
    this.#held.push({ packet: ownPacket(one.packet), info: one.info });
    this.#bytes = bytes;
    return true;
  }

  /** Whether those that are held can still belong to a group that begins with or after this packet. */
  mayWaitFor({ packet, info }: Classified): boolean {
    return this.#held.every(
      (held) =>
        held.packet.timestamp === packet.timestamp &&
        (packet.type !== "video" ||
          info.tracks.every(({ id }) => held.info.tracks.every((track) => track.id !== id))),
    );
  }

  /** Let all go, in the order in which they came. */
  release(): readonly Classified[] {
    const held = this.#held;
    if (held.length === 0) return held;
    this.#held = [];
    this.#bytes = 0;
    return held;
  }
}
