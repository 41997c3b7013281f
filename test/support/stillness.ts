import type { Player } from "./player.ts";

const LOOK_EVERY_MS = 20;

/** The longest time that each of several players got nothing new, as far as their programs tell. */
export class Stillness {
  readonly #timer: NodeJS.Timeout;
  readonly #longest = new Map<Player, number>();

  constructor(players: readonly Player[]) {
    const began = performance.now();
    const seen = new Map(players.map((player) => [player, { progress: player.progress, at: began }]));
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const [player, last] of seen) {
        this.#longest.set(player, Math.max(this.#longest.get(player) ?? 0, now - last.at));
        if (player.progress !== last.progress) seen.set(player, { progress: player.progress, at: now });
      }
    }, LOOK_EVERY_MS);
  }

  /** ms. */
  longestOf(player: Player): number {
    return Math.round(this.#longest.get(player) ?? Infinity);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
