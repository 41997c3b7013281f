/** What the fan-out of all streams of one origin has done. All but `players` only grow. */
export class FanoutTotals {
  /** Now. */
  players = 0;
  /** Windows that ended with something to send, players or not. */
  flushes = 0;
  /** Batches and snapshots given to players. */
  writes = 0;
  /** Their bytes, before any framing of HTTP or WebSocket. */
  bytes = 0;
  /** Batches that a player did not get: it reads too slowly, is paused, or waits for a keyframe. */
  skips = 0;
  /** Players given up as too slow. */
  drops = 0;
}
