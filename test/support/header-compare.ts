import type { FlvTag } from "./flv-file.ts";
import { hashOf, meaningOf } from "./media-units.ts";

/**
 * Whether a player had what a decoder needs before each frame: the sequence headers of the publication that the
 * frame belongs to, with the same bytes.
 *
 * @param publications the tags of each publication, headers included
 * @returns the first problem of each track and publication, as sentences
 */
export function headerProblems(
  publications: readonly (readonly FlvTag[])[],
  played: readonly FlvTag[],
): string[] {
  const expected = publications.map(headersOf);
  const frames = publications.map(framesOf);
  const present = new Map<string, string>();
  const found = new Set<string>();
  for (const tag of played) {
    const meaning = meaningOf(tag);
    const hash = hashOf(meaning.payload);
    if (meaning.role === "header") present.set(meaning.track, hash);
    if (meaning.role !== "frame") continue;
    const publication = frames.findIndex((hashes) => hashes.has(hash));
    const due = expected[publication]?.get(meaning.track);
    if (due === undefined || due === present.get(meaning.track)) continue;
    const what = present.has(meaning.track) ? "after a header of something else" : "without a header";
    found.add(`${meaning.track} of publication ${publication} came ${what}`);
  }
  return [...found];
}

function headersOf(tags: readonly FlvTag[]): Map<string, string> {
  const meanings = tags.map(meaningOf).filter(({ role }) => role === "header");
  return new Map(meanings.map(({ track, payload }) => [track, hashOf(payload)]));
}

function framesOf(tags: readonly FlvTag[]): Set<string> {
  const meanings = tags.map(meaningOf).filter(({ role }) => role === "frame");
  return new Set(meanings.map(({ payload }) => hashOf(payload)));
}
