import type { MediaPacket } from "../domain/ports/channel.ts";
import type { PacketInfo } from "./packet.ts";

/** Which tracks a source has shown, and in which codec. At most 256 of each kind: a track id is one byte. */
export class CodecList {
  readonly #video = new Map<number, string>();
  readonly #audio = new Map<number, string>();
  #text: string | undefined = "";

  /** Video first, then audio, each codec once: `avc1,mp4a`. */
  get text(): string {
    this.#text ??= [...new Set([...byId(this.#video), ...byId(this.#audio)])].join(",");
    return this.#text;
  }

  /**
   * A track that is known goes on in another codec with a header, a keyframe or a sound only: what else names one is
   * nothing that a decoder could begin with, and must not make anybody forget what the others begin with.
   *
   * @returns whether a track goes on in another codec
   */
  learn(type: MediaPacket["type"], info: PacketInfo): boolean {
    if (type === "data") return false;
    const { role, tracks, keyframe } = info;
    const begins = role === "header" || (role === "frame" && (keyframe || type === "audio"));
    const known = type === "video" ? this.#video : this.#audio;
    let changed = false;
    for (const { id, codec } of tracks) {
      const before = known.get(id);
      if (before === codec || (before !== undefined && !begins)) continue;
      changed ||= before !== undefined;
      known.set(id, codec);
      this.#text = undefined;
    }
    return changed;
  }
}

function byId(tracks: ReadonlyMap<number, string>): string[] {
  return [...tracks].sort(([a], [b]) => a - b).map(([, codec]) => codec);
}
