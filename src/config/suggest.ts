import type { Section, Setting } from "./settings.ts";

/**
 * The setting that somebody meant by the unknown key `name` in `section`, as a dotted path.
 *
 * Looks for a slip of the pen in the same section, then for the same word elsewhere.
 */
export function suggestPath(name: string, section: Section, all: readonly Setting[]): string | undefined {
  const prefix = section.path === "" ? "" : `${section.path}.`;
  const here = [...section.settings, ...section.sections].map(({ path }) => path);
  const near = closest(`${prefix}${name}`, here);
  if (near !== undefined) return near;
  const wanted = plain(`${prefix}${name}`);
  const everywhere = all.map(({ path }) => path);
  const whole = everywhere.find((path) => plain(path) === wanted || plain(path) === plain(name));
  if (whole !== undefined) return whole;
  const sameWord = everywhere.filter((path) => plain(path.slice(path.lastIndexOf(".") + 1)) === plain(name));
  return sameWord.length === 1 ? sameWord[0] : undefined;
}

/** The candidate that differs from `text` by a slip or two, if any; capitals do not count. */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  const most = text.length < 5 ? 1 : 2;
  let best: string | undefined;
  let least = most + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) > most) continue;
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function plain(path: string): string {
  return path.replaceAll(/[._-]/g, "").toLowerCase();
}

/** Insertions, deletions, replacements and swapped neighbours that turn one text into the other. */
function editDistance(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    before = last;
    last = current;
  }
  return last[other.length] ?? 0;
}
