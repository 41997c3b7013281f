import type { MediaPacket } from "../domain/ports/channel.ts";
import type { PacketInfo } from "./packet.ts";

/** Which tracks a source has shown, and in which codec. At most 256 of each kind: a track id is one byte. */
export class CodecList {
  readonly #video = new Map<number, string>();
  readonly #audio = new Map<number, string>();
  #text: string | undefined = "";
  #mainVideo = 0;

  /** Video first, then audio, each codec once: `avc1,mp4a`. */
  get text(): string {
    this.#text ??= [...new Set([...byId(this.#video), ...byId(this.#audio)])].join(",");
    return this.#text;
  }

  /** The track whose keyframes players begin with: the lowest id, as the specification recommends. */
  get mainVideo(): number {
    return this.#mainVideo;
  }

  learn(type: MediaPacket["type"], { tracks }: PacketInfo): void {
    if (type === "data") return;
    const known = type === "video" ? this.#video : this.#audio;
    for (const { id, codec } of tracks) {
      if (known.get(id) === codec) continue;
      known.set(id, codec);
      this.#text = undefined;
      if (type === "video") this.#mainVideo = Math.min(...known.keys());
    }
  }
}

function byId(tracks: ReadonlyMap<number, string>): string[] {
  return [...tracks].sort(([a], [b]) => a - b).map(([, codec]) => codec);
}
