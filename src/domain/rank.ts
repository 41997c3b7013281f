/** Which of several encoders of one stream is preferred. */
export type Preference = "first" | "last";

/** Above every registry time in ms, and twice that is still a whole number. */
const BEHIND = 4_000_000_000_000_000;

/**
 * The order of an encoder among those of its stream, in the whole fleet: of two the lesser is preferred.
 *
 * One total order whatever each origin prefers, so that two of them never take a stream from each other for ever.
 * Never 0, which stands for an encoder that takes no part.
 *
 * @param at when it was accepted: registry time, ms since 1970, above 0
 * @param query of its stream name; an encoder that says `backup=1` comes behind all that do not
 */
export function rankOf(at: number, prefer: Preference, query: string): number {
  const order = prefer === "first" ? Math.round(at) : -Math.round(at);
  return order + (saysBackup(query) ? BEHIND : 0);
}

/** Whether the encoder calls itself the spare one, as YouTube's backup URLs do. */
function saysBackup(query: string): boolean {
  return query.split("&").includes("backup=1");
}
