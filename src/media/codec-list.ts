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

  /** @returns whether a track is known in another codec */
  learn(type: MediaPacket["type"], { tracks }: PacketInfo): boolean {
    if (type === "data") return false;
    const known = type === "video" ? this.#video : this.#audio;
    let changed = false;
    for (const { id, codec } of tracks) {
      const before = known.get(id);
      if (before === codec) continue;
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
