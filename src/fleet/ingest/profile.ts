import type { IngestDefinition } from "../../domain/ingest.ts";

/** One URL that may feed an ingest. */
export interface Profile {
  /** 0 is `url`, 1… are `fallback`. */
  readonly number: number;
  readonly url: string;
}

/** What this origin may pull for an ingest, in order: its `url` at home, its `fallback` URLs away from `captureAt`. */
export function profilesOf(
  { url, captureAt, fallback }: Pick<IngestDefinition, "url" | "captureAt" | "fallback">,
  here: { readonly name: string; readonly host: string },
): readonly [Profile, ...Profile[]] {
  const home = captureAt === "" || captureAt === here.name || captureAt === here.host;
  const [first, ...more] = home ? [] : fallback;
  if (first === undefined) return [{ number: 0, url }];
  return [{ number: 1, url: first }, ...more.map((other, i) => ({ number: i + 2, url: other }))];
}
