import type { MediaUnit } from "./media-units.ts";

export interface CompareRules {
  /**
   * `exact`: audio and video come interleaved as they were published.
   * `per-track`: a remuxer in between may interleave anew; each track keeps its own order.
   */
  readonly order: "exact" | "per-track";
  /** The player stayed until the stream ended: it must have the last frame, too. */
  readonly complete: boolean;
  /** Frames of a complete stream that may be missing at its very end. */
  readonly spare?: number;
  /** ms by which the spacing may differ, for programs that do not count in ms. */
  readonly tolerance?: number;
}

interface Placed {
  readonly unit: MediaUnit;
  readonly publication: number;
  /** Where it stands in the whole publication. */
  readonly position: number;
  /** Where it stands in its sequence: the whole publication, or its track. */
  readonly rank: number;
}

const MOST_DIFFERENCES = 12;

/**
 * What a player got, held against what was published: each frame once, in order, with the same bytes, from a
 * keyframe on, with the same spacing, audio and video moved by the same offset, and no timestamp going back. Nor is a
 * picture of a publication shown before one of the publication before.
 *
 * Several publications stand for encoders that followed each other; a player may have parts of each.
 *
 * @returns the differences as sentences, the first dozen; none when all is well
 * @throws Error when a publication repeats a frame: then nothing can be told
 */
export function differences(
  publications: readonly (readonly MediaUnit[])[],
  played: readonly MediaUnit[],
  rules: CompareRules,
): string[] {
  const found: string[] = [];
  const index = publications.map(indexOf);
  const placed: { unit: MediaUnit; publication: number; position: number }[] = [];
  played.forEach((unit, number) => {
    const publication = index.findIndex((positions) => positions.has(idOf(unit)));
    const position = index[publication]?.get(idOf(unit));
    if (position === undefined) found.push(`frame ${number} (${nameOf(unit)}) was never published`);
    else placed.push({ unit, publication, position });
  });
  if (placed.length === 0) return [...found, "no published frame arrived"];

  const tracks = rules.order === "exact" ? [undefined] : (["video", "audio"] as const);
  for (const track of tracks) {
    const mine = publications.map((units) => ranksOf(units, track));
    const sequence = placed
      .filter(({ unit }) => track === undefined || unit.track === track)
      .map((item) => ({ ...item, rank: mine[item.publication]?.get(item.position) as number }));
    found.push(...orderProblems(publications, sequence, mine, rules));
  }
  if (rules.order === "per-track") found.push(...audioStartProblems(publications, placed));
  found.push(...timeProblems(publications, placed, rules.tolerance ?? 0));
  found.push(...overlapProblems(placed));
  return found.slice(0, MOST_DIFFERENCES);
}

/** How many frames of each publication arrived. */
export function countByPublication(
  publications: readonly (readonly MediaUnit[])[],
  played: readonly MediaUnit[],
): number[] {
  return publications
    .map(indexOf)
    .map((positions) => played.filter((unit) => positions.has(idOf(unit))).length);
}

function orderProblems(
  publications: readonly (readonly MediaUnit[])[],
  sequence: readonly Placed[],
  ranks: readonly ReadonlyMap<number, number>[],
  rules: CompareRules,
): string[] {
  const found: string[] = [];
  let last: Placed | undefined;
  for (const item of sequence) {
    const name = `${nameOf(item.unit)} of publication ${item.publication}`;
    if (!last || item.publication !== last.publication) {
      if (last && item.publication < last.publication)
        found.push(`${name} came after its publication was over`);
      const startsAtKey = item.unit.track === "video" && item.unit.key;
      const needsKey = publications[item.publication]?.some(({ track }) => track === "video") ?? false;
      if (needsKey && !startsAtKey && (rules.order === "exact" || item.unit.track === "video"))
        found.push(`publication ${item.publication} begins with ${nameOf(item.unit)}, not with a keyframe`);
    } else if (item.rank === last.rank) found.push(`${name} arrived twice`);
    else if (item.rank < last.rank) found.push(`${name} is out of order`);
    else if (item.rank > last.rank + 1) found.push(`${item.rank - last.rank - 1} missing before ${name}`);
    last = item;
  }
  const end = (ranks.at(-1)?.size ?? 0) - 1;
  const reached = last?.publication === publications.length - 1 ? last.rank : -1;
  if (rules.complete && end >= 0 && reached < end - (rules.spare ?? 0))
    found.push(`the end is missing: ${last ? nameOf(last.unit) : "nothing"} is the last that arrived`);
  return found;
}

/** With each track on its own: no audio lost that was published after the keyframe where a publication begins. */
function audioStartProblems(
  publications: readonly (readonly MediaUnit[])[],
  placed: readonly { unit: MediaUnit; publication: number; position: number }[],
): string[] {
  return publications.flatMap((units, publication) => {
    const mine = placed.filter((item) => item.publication === publication);
    const video = mine.find(({ unit }) => unit.track === "video");
    const audio = mine.find(({ unit }) => unit.track === "audio");
    if (!video) return [];
    const lastPosition = Math.max(...mine.map(({ position }) => position));
    const due = units.findIndex(({ track }, at) => track === "audio" && at > video.position);
    if (due < 0 || due > lastPosition || (audio && audio.position <= due)) return [];
    return [`audio after the keyframe of publication ${publication} is missing`];
  });
}

function timeProblems(
  publications: readonly (readonly MediaUnit[])[],
  placed: readonly { unit: MediaUnit; publication: number; position: number }[],
  tolerance: number,
): string[] {
  const found: string[] = [];
  const offsets = new Map<number, number>();
  const newest = new Map<string, number>();
  for (const { unit, publication, position } of placed) {
    const original = publications[publication]?.[position] as MediaUnit;
    const offset = unit.dts - original.dts;
    const first = offsets.get(publication);
    if (first === undefined) offsets.set(publication, offset);
    else if (Math.abs(offset - first) > tolerance)
      found.push(`${nameOf(unit)} of publication ${publication} is moved by ${offset}, not by ${first} ms`);
    if (Math.abs(unit.cts - original.cts) > tolerance)
      found.push(`${nameOf(unit)} has composition time ${unit.cts}, not ${original.cts} ms`);
    if (unit.key !== original.key) found.push(`${nameOf(unit)} changed whether it is a keyframe`);
    const before = newest.get(unit.track);
    if (before !== undefined && unit.dts < before) found.push(`${nameOf(unit)} goes back from ${before} ms`);
    newest.set(unit.track, unit.dts);
  }
  return found;
}

function overlapProblems(placed: readonly Omit<Placed, "rank">[]): string[] {
  const found: string[] = [];
  let shown = -Infinity;
  let before = -Infinity;
  let publication: number | undefined;
  for (const { unit, publication: mine } of placed) {
    if (unit.track !== "video") continue;
    if (mine !== publication) before = shown;
    publication = mine;
    const at = unit.dts + unit.cts;
    if (at <= before)
      found.push(
        `${nameOf(unit)} of publication ${mine} is shown at ${at} ms, after one of the publication before at ${before} ms`,
      );
    shown = Math.max(shown, at);
  }
  return found;
}

function indexOf(units: readonly MediaUnit[]): Map<string, number> {
  const positions = new Map<string, number>();
  units.forEach((unit, position) => {
    if (positions.has(idOf(unit))) throw new Error(`the publication repeats ${nameOf(unit)}`);
    positions.set(idOf(unit), position);
  });
  return positions;
}

function ranksOf(units: readonly MediaUnit[], track: string | undefined): Map<number, number> {
  const ranks = new Map<number, number>();
  units.forEach((unit, position) => {
    if (track === undefined || unit.track === track) ranks.set(position, ranks.size);
  });
  return ranks;
}

function idOf(unit: MediaUnit): string {
  return `${unit.track} ${unit.hash}`;
}

function nameOf(unit: MediaUnit): string {
  return `${unit.key && unit.track === "video" ? "key " : ""}${unit.track} at ${unit.dts} ms`;
}
