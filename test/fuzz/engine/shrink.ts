/**
 * Make an input smaller while `fails` says that the same thing goes wrong: take pieces out, then make bytes zero.
 *
 * @param tries most calls of `fails`
 * @param ms    longest time for all of them: an input may fail by making everybody wait
 */
export async function shrink(
  input: Buffer,
  fails: (candidate: Buffer) => Promise<boolean>,
  tries = 4_000,
  ms = 120_000,
): Promise<Buffer> {
  const until = performance.now() + ms;
  let best = input;
  let left = tries;
  const keep = async (candidate: Buffer): Promise<boolean> => {
    if (performance.now() > until) left = 0;
    if (left-- <= 0 || !(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let before = -1; before !== best.length && left > 0;) {
    before = best.length;
    for (let piece = Math.max(1, best.length >> 1); piece >= 1 && left > 0; piece >>= 1) {
      for (let at = 0; at < best.length && left > 0;) {
        const without = Buffer.concat([best.subarray(0, at), best.subarray(at + piece)]);
        if (!(await keep(without))) at += piece;
      }
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    if (best[at] === 0) continue;
    const zeroed = Buffer.from(best);
    zeroed[at] = 0;
    await keep(zeroed);
  }
  return best;
}
