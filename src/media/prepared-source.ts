import type { MediaPacket, SourceKind, StandbySource } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { GopLimits } from "./gop-cache.ts";
import type { Group, GroupMemory } from "./group-memory.ts";
import { HeaderCache } from "./header-cache.ts";
import { messageOf, packetOf, type StreamMessage } from "./message.ts";
import { ownPacket } from "./own-bytes.ts";
import { classify, type PacketInfo } from "./packet.ts";

/** A place at the channel's feed, while nobody newer has it. */
export interface FeedSeat {
  /** Fires when another source has taken it, or the channel has ended. */
  readonly closed: AbortSignal;
  /** What this source has sent so far that a player needs before the first frame. */
  readonly headers: readonly StreamMessage[];
  /** @param at  monotonic ms when it came */
  take(packet: MediaPacket, at: number): void;
  leave(): void;
}

export interface PreparedSourceParts {
  readonly kind: SourceKind;
  readonly clock: Clock;
  readonly limits: GopLimits;
  readonly memory: GroupMemory;
  /** The channel has ended. */
  readonly closed: AbortSignal;
  /** Monotonic ms of the last packet that any source brought. */
  readonly lastPacketAt: () => number;
  readonly sit: () => FeedSeat;
}

interface Arrival {
  readonly packet: MediaPacket;
  readonly at: number;
}

/**
 * So much older than the last packet played may a kept group be: players stay behind by that much for good.
 * A group that began after the last packet costs nothing, since its frames keep the times at which they came.
 */
const MOST_LAG_MS = 100;
const PACKET_COST = 256;

/**
 * A source beside the channel's feed. Standing by it keeps its headers and the frames since its last keyframe, both
 * bounded, so that players go on at once where that makes them no later, and at its next keyframe otherwise.
 */
export class PreparedSource implements StandbySource {
  readonly #parts: PreparedSourceParts;
  #headers = new HeaderCache();
  #group: Arrival[] = [];
  readonly #memory: Group;
  #video = false;
  #seat: FeedSeat | undefined;
  #left = false;
  onStart: () => void = () => undefined;

  constructor(parts: PreparedSourceParts) {
    this.#parts = parts;
    this.#memory = parts.memory.group(() => this.#forget());
  }

  get kind(): SourceKind {
    return this.#parts.kind;
  }

  get closed(): AbortSignal {
    return this.#parts.closed;
  }

  get live(): boolean {
    return this.#seat !== undefined;
  }

  write(packet: MediaPacket): void {
    const at = this.#parts.clock.monotonic();
    if (this.#seat) return this.#seat.take(packet, at);
    if (this.#left || this.closed.aborted || packet.payload.length === 0) return;
    const info = classify(packet);
    if (packet.type === "video") this.#video = true;
    if (info.role === "metadata" || info.role === "header")
      this.#headers.add(messageOf(packet, 0, true), info);
    else this.#keep({ packet, at }, info);
  }

  promote(): void {
    if (this.#seat || this.#left || this.closed.aborted) return;
    const before = this.#parts.lastPacketAt();
    const headers = this.#headers.list;
    const group = this.#group;
    this.#forget();
    const seat = this.#parts.sit();
    this.#seat = seat;
    seat.closed.addEventListener("abort", () => this.#standDown(seat), { once: true });
    for (const header of headers) seat.take(packetOf(header), this.#parts.clock.monotonic());
    const first = group[0];
    if (!first || first.at < before - MOST_LAG_MS) return;
    // A player's write may end the channel, or bring another source, at any of these.
    for (const { packet, at } of group) if (this.#seat === seat) seat.take(packet, at);
  }

  demote(): void {
    const seat = this.#seat;
    if (!seat) return;
    this.#standDown(seat);
    seat.leave();
  }

  detach(): void {
    this.#left = true;
    this.demote();
    this.#forget();
    this.#headers = new HeaderCache();
  }

  #standDown(seat: FeedSeat): void {
    if (this.#seat !== seat) return;
    this.#seat = undefined;
    this.#headers = new HeaderCache();
    for (const header of seat.headers) this.#headers.add(header, classify(packetOf(header)));
  }

  #keep(arrival: Arrival, info: PacketInfo): void {
    const { packet, at } = arrival;
    const starts = packet.type === "video" && info.role === "frame" && info.keyframe;
    if (starts) this.#forget();
    if (starts || this.#group.length > 0) {
      this.#group.push({ packet: ownPacket(packet), at });
      const lasts = at - (this.#group[0] as Arrival).at;
      this.#memory.count(packet.payload.length + PACKET_COST);
      const { maxBytes, maxDuration } = this.#parts.limits;
      if (this.#memory.bytes > maxBytes || lasts > maxDuration) this.#forget();
    }
    // Without pictures players can begin with any sound.
    if (starts || (!this.#video && packet.type === "audio")) this.onStart();
  }

  #forget(): void {
    this.#group = [];
    this.#memory.clear();
  }
}
