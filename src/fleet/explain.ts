import { EVENT_LOG_LENGTH } from "../domain/event-log.ts";
import { describeEvent } from "../domain/event-text.ts";
import type { RegistryEvent } from "../domain/ports/registry.ts";
import type { IngestDetailReport } from "../domain/ingest-reports.ts";
import { reportEvent, reportLookup, type EventReport, type LookupReport } from "../domain/reports.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import { explainIngest } from "./explain-ingest.ts";
import { reportView, viewIngest, type IngestSources } from "./ingest-view.ts";

/** Why a stream is where it is, and what happened before. */
export interface Explanation {
  readonly stream: string;
  readonly live: boolean;
  /** The answer in one sentence. */
  readonly summary: string;
  /** Why it is so, most important first. */
  readonly reasons: string[];
  readonly lookup: LookupReport | null;
  /** The ingest that feeds it, with what would happen next; without credentials. */
  readonly ingest: (IngestDetailReport & { readonly next: string }) | null;
  /** Oldest first; as far back as the registry remembers. */
  readonly history: (EventReport & { readonly text: string })[];
}

/**
 * Explain one stream from the registry alone, so that it works with every origin down.
 *
 * @throws HoldfastError `REGISTRY_UNAVAILABLE`
 */
export async function explainStream(sources: IngestSources, key: StreamKey): Promise<Explanation> {
  const { registry } = sources;
  const [[location], events, origins, view] = await Promise.all([
    registry.locate([key]),
    registry.recentEvents(EVENT_LOG_LENGTH),
    registry.listOrigins(),
    viewIngest(sources, key),
  ]);
  const ingest = view && explainIngest(view);
  const living = new Set(origins.map((origin) => origin.name));
  const history = historyOf(key, events);
  const timeLeftMs = location ? await registry.sessionTimeLeft(location.owner.name) : 0;
  const published = location?.record.kind === "publish";
  const reasons = location ? whyThere(location, history, living, timeLeftMs) : whyNowhere(history);
  return {
    stream: key,
    live: location !== undefined,
    summary:
      ingest && !published
        ? ingest.summary
        : location
          ? `${key} is owned by ${location.owner.name}, under token ${location.record.token}.`
          : `Nobody publishes ${key} now.`,
    reasons: !ingest
      ? reasons
      : published
        ? [
            ...reasons,
            "An ingest would feed it, too: it rests while an encoder publishes.",
            ...ingest.reasons,
          ]
        : [...ingest.reasons, ...(location ? [whySession(location, timeLeftMs)] : [])],
    lookup: location ? reportLookup(location, timeLeftMs) : null,
    ingest: view && ingest ? { ...reportView(view, { secrets: false }), next: ingest.next } : null,
    history: history.map((event) => ({ ...reportEvent(event), text: describeEvent(event) })),
  };
}

/** The stream's own events, and how the sessions ended that owned it. */
function historyOf(key: StreamKey, events: readonly RegistryEvent[]): RegistryEvent[] {
  const owners = new Set<string>();
  return events.filter(({ type, fields }) => {
    const session = `${fields["origin"]}@${fields["epoch"]}`;
    const isOwn = fields["stream"] === key || fields["ingest"] === key;
    if (isOwn) owners.add(session);
    return isOwn || (type === "left" && owners.has(session));
  });
}

function whyThere(
  location: StreamLocation,
  history: RegistryEvent[],
  living: ReadonlySet<string>,
  timeLeftMs: number,
): string[] {
  const { record, owner } = location;
  const grant = history.findLast(({ fields }) => fields["token"] === String(record.token));
  const fight =
    record.rank === 0
      ? `It was taken over ${record.takeovers} times in a row: two encoders may be fighting for it.`
      : `It went back to its preferred encoder ${record.takeovers} times in a row: that one may be failing again and again.`;
  const stalled =
    "Its encoder brings nothing, or its origin drains: the next encoder that stands by and delivers goes on with it.";
  return [
    ...whyGranted(record.publisher, owner.name, grant, living),
    whySession(location, timeLeftMs),
    ...(record.takeovers > 1 ? [fight] : []),
    ...(record.stalled ? [stalled] : []),
    ...(owner.state === "draining" ? [`${owner.name} is draining: new streams go elsewhere.`] : []),
  ];
}

function whySession({ owner }: StreamLocation, timeLeftMs: number): string {
  const left = (timeLeftMs / 1_000).toFixed(1);
  return `The session of ${owner.name} (epoch ${owner.epoch}) is alive: ${left} s are left, and it is renewed all the time.`;
}

function whyGranted(
  publisher: string,
  owner: string,
  grant: RegistryEvent | undefined,
  living: ReadonlySet<string>,
): string[] {
  const encoder = publisher === "" ? "An encoder" : `An encoder at ${publisher}`;
  const { previous = "", reason = "" } = grant?.fields ?? {};
  if (grant?.type === "taken-over")
    return [
      `${encoder} published it to ${owner} while ${previous} had it: the newcomer takes over.`,
      ...(living.has(previous) ? [] : [`${previous} has no live session now: it died or left.`]),
    ];
  if (grant?.type === "switched") return [whySwitched(encoder, owner, reason)];
  if (reason === "owner gone")
    return [`${encoder} published it to ${owner} after the former owner's session had ended.`];
  if (reason === "reclaimed")
    return [`${owner} had it all the time and claimed it again when its registration was lost.`];
  return [
    `${encoder} published it to ${owner}, and nobody else had it: a stream stays where its encoder is.`,
  ];
}

function whySwitched(encoder: string, owner: string, reason: string): string {
  const stood = `${encoder} stood by for it at ${owner} and went on with it`;
  if (reason === "stalled") return `${stood} when the one before brought nothing, or its origin drained.`;
  if (reason === "preferred") return `${stood}, since it comes first and had been steady for long enough.`;
  return `${stood} when the one before was gone.`;
}

function whyNowhere(history: RegistryEvent[]): string[] {
  const last = history.at(-1);
  if (!last) return ["Nobody published it, as far back as the registry remembers."];
  const { origin = "", reason = "", epoch = "" } = last.fields;
  const why = reason === "" ? "" : ` (${reason})`;
  if (last.type === "released") return [`${origin}, its last owner, gave it back${why}.`];
  if (last.type === "left") return [`${origin}, its last owner, left the fleet${why}.`];
  return [
    `${origin}, its last owner, is gone without a word: its session (epoch ${epoch}) was not renewed and ended.`,
    "The stream is free for any origin that an encoder publishes it to.",
  ];
}
