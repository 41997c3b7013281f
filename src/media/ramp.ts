/** Where `value` stands between `low` (0) and `high` (1); not beyond them. */
export function ramp(value: number, low: number, high: number): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}
