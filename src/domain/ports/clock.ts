/**
 * Time as an argument: leases are arithmetic on it.
 *
 * Two implementations: the system's, and a manual one for tests.
 */
export interface Clock {
  /** ms since 1970. May jump. */
  wall(): number;
  /** ms since an arbitrary moment. Never goes back; stands still while the machine is suspended. */
  monotonic(): number;
  /** Run `task` once after `ms`. The returned function cancels it. Does not keep the process alive. */
  after(ms: number, task: () => void): () => void;
}
