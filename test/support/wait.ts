/** Options of {@link waitFor}. */
export interface WaitOptions {
  /** Longest wait in ms. */
  readonly within?: number;
  /** Said when the time is over. */
  readonly what?: string;
}

/**
 * Wait until `probe` returns something other than `undefined` or `false`, and return it.
 *
 * An error thrown by the probe counts as "not yet" and is reported when the time is over.
 */
export async function waitFor<T>(
  probe: () => T | false | undefined | Promise<T | false | undefined>,
  { within = 10_000, what = "the condition" }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + within;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`${what} did not come true within ${within} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
