import { HoldfastError } from "../domain/errors.ts";
import type { IngestRecord } from "../domain/ingest.ts";
import { REST_MS, STABLE_MS } from "../domain/placement/input.ts";
import { maskSourceUrl } from "../domain/source-url.ts";
import type { IngestView } from "./ingest-view.ts";

/** Why an ingest is where it is and as it is, and what would happen next. Sentences, without credentials. */
export interface IngestExplanation {
  /** The answer in one sentence. */
  readonly summary: string;
  /** Most important first. */
  readonly reasons: string[];
  readonly next: string;
}

/** A plan that was not confirmed for so long is nobody's: origins help themselves. */
const PLAN_STALE_MS = 15_000;

export function explainIngest(view: IngestView): IngestExplanation {
  return {
    summary: summaryOf(view),
    reasons: [
      definition(view.record),
      ...whyThere(view),
      ...lease(view),
      ...ahead(view),
      ...planLine(view),
      ...whyAway(view),
      ...wish(view),
      ...profile(view.record),
      ...demand(view),
      ...marks(view),
      ...lastError(view.record),
    ],
    next: nextOf(view),
  };
}

/** On demand, and nobody plays it: the planner leaves it out. */
function isUnwanted({ onDemand, demandUntil, state }: IngestRecord, now: number): boolean {
  return onDemand && state === "idle" && demandUntil <= now;
}

function summaryOf({ record, origins, now }: IngestView): string {
  const { stream, owner, token, state } = record;
  const under = `under token ${token}`;
  const where = owner === "" ? "nobody has pulled it yet" : `${owner} had it last, ${under}`;
  switch (state) {
    case "paused":
      return `The ingest ${stream} is paused: nobody pulls it.`;
    case "live":
      if (!origins.some((one) => one.name === owner && one.epoch === record.epoch))
        return `The ingest ${stream} was live on ${owner}, ${under}, whose session is over.`;
      return `The ingest ${stream} is live on ${owner}, ${under}.`;
    case "starting":
      return `The ingest ${stream} is being started by ${owner}, ${under}.`;
    case "retrying":
      return `The ingest ${stream} does not work on ${owner} just now, which tries again (${under}).`;
    case "resting":
      return `The ingest ${stream} failed on every origin and rests; ${where}.`;
    case "idle":
      if (isUnwanted(record, now))
        return `The ingest ${stream} is idle: it is pulled on demand, and nobody plays it.`;
      return `The ingest ${stream} is not pulled yet: ${where}.`;
  }
}

function definition({ source, url, captureAt, weight, overlap, onDemand, fallback }: IngestRecord): string {
  const parts = [
    ...(captureAt === "" ? [] : [`captureAt ${captureAt}`]),
    ...(weight === 1 ? [] : [`weight ${weight}`]),
    ...(overlap ? ["overlap"] : []),
    ...(onDemand ? ["on demand"] : []),
    ...(fallback.length === 0 ? [] : [`${fallback.length} fallback`]),
  ];
  const by = source === "config" ? "Defined in the settings files of origins" : "Defined by API or command";
  return `${by}: ${[maskSourceUrl(url), ...parts].join(", ")}.`;
}

function whyThere({ record, origins, now }: IngestView): string[] {
  const { owner, epoch, why, lastMove } = record;
  if (owner === "") return [];
  const since = lastMove === 0 ? "" : `, since ${span(now - lastMove)} ago`;
  const session = origins.find(({ name }) => name === owner);
  const reason = why === "" ? "" : `: ${why}`;
  const origin =
    session?.epoch === epoch
      ? session.state === "draining"
        ? [`${owner} is draining and hands it over.`]
        : []
      : [`The session of ${owner} that it was begun in (epoch ${epoch}) is over.`];
  return [`Its owner is ${owner}${since}${reason}.`, ...origin];
}

function lease({ record, lease: held }: IngestView): string[] {
  if (held instanceof HoldfastError) return [`Its lease could not be read: ${held.message}.`];
  if (!held) return record.enabled ? ["Nobody holds its lease: any origin may take it."] : [];
  const { origin, epoch, token } = held.holder;
  const holder = `Its lease is held by ${origin} (epoch ${epoch}, token ${token})`;
  const left = `${span(held.ttlMs)} are left, and it is renewed all the time`;
  if (token === record.token) return [`${holder}: ${left}.`];
  return [
    `${holder}, which is not the owner in its status (token ${record.token}): a change is under way; ${left}.`,
  ];
}

function ahead({ ahead: next }: IngestView): string[] {
  if (!next) return [];
  const { origin, token } = next.holder;
  return [
    `${origin} pulls it ahead of a move (token ${token}): the owner goes on until that has a keyframe.`,
  ];
}

function planLine({ record, plan, line, now }: IngestView): string[] {
  if (!record.enabled) return [];
  const age = now - plan.at;
  if (plan.term === 0) return ["There is no plan: no origin has become the planner yet, or none is alive."];
  if (age > PLAN_STALE_MS)
    return [
      `The plan is ${span(age)} old: ${plan.by}, the planner, is gone. Origins take what nobody pulls by themselves.`,
    ];
  if (!line && isUnwanted(record, now)) return [];
  if (!line) return [`The plan has no place for it (made by ${plan.by}).`];
  return [`The plan has it at ${line.origin}: ${line.why} (made by ${plan.by}, term ${plan.term}).`];
}

/** Why it is not at `captureAt`. */
function whyAway({ record, origins, line, now }: IngestView): string[] {
  const { captureAt, owner, enabled } = record;
  if (captureAt === "" || !enabled) return [];
  const homes = origins.filter(({ name, host }) => name === captureAt || host === captureAt);
  if (homes.some(({ name }) => name === owner)) return [];
  const [home] = homes;
  const begin = `It is not at ${captureAt}:`;
  if (!home) return [`${begin} no origin of this name is alive.`];
  if (homes.every(({ state }) => state === "draining")) return [`${begin} that origin is draining.`];
  if (homes.every(({ weight }) => weight === 0)) return [`${begin} that origin has weight 0.`];
  const mark = record.marks.find(({ origin, until }) => origin === home.name && until > now);
  if (mark)
    return [
      `${begin} it failed there ${times(mark.count)}, and is not tried again for ${span(mark.until - now)}.`,
    ];
  const up = now - home.since;
  if (up < STABLE_MS && record.lastMove !== 0)
    return [`${begin} that origin is up for ${span(up)} only; after ${span(STABLE_MS)} it goes back.`];
  if (line?.origin === home.name) return [`${begin} it is on its way there.`];
  if (record.moveTo !== "") return [`${begin} an operator wants it at ${record.moveTo}.`];
  const rest = record.lastMove + REST_MS - now;
  if (rest > 0) return [`${begin} it moved a moment ago and rests where it is for ${span(rest)} more.`];
  return [`${begin} only so many ingests move at a time, and its turn comes.`];
}

function wish({ record, origins }: IngestView): string[] {
  const { moveTo, owner } = record;
  if (moveTo === "" || moveTo === owner) return [];
  const alive = origins.some(({ name }) => name === moveTo);
  return [`An operator wants it at ${moveTo}${alive ? "" : ", which is not alive"}.`];
}

function profile({ fallback, profile: number, captureAt, state, owner }: IngestRecord): string[] {
  if (fallback.length === 0 || owner === "" || state === "paused" || state === "idle") return [];
  if (number === 0) return [`Its own URL is in use, none of its ${fallback.length} fallback.`];
  const url = fallback[number - 1];
  return [
    `Fallback ${number} is in use (${url === undefined ? "no more in its definition" : maskSourceUrl(url)}), since it runs away from ${captureAt}.`,
  ];
}

function demand({ record, now }: IngestView): string[] {
  if (!record.onDemand || !record.enabled) return [];
  const left = record.demandUntil - now;
  if (left <= 0) return ["It is pulled on demand: nobody plays it now."];
  return [`It is pulled on demand: somebody plays it, or did until a moment ago (${span(left)} left).`];
}

function marks({ record, now }: IngestView): string[] {
  return record.marks
    .filter(({ origin, until }) => until > now && origin !== record.captureAt)
    .map(
      ({ origin, count, until }) =>
        `It failed on ${origin} ${times(count)}: not tried there for ${span(until - now)}.`,
    );
}

function lastError({ error }: IngestRecord): string[] {
  return error === "" ? [] : [`Last error: ${error}.`];
}

function nextOf({ record, line, origins, now }: IngestView): string {
  const { stream, state, owner, overlap, captureAt } = record;
  const target = line?.origin ?? "";
  if (state === "paused") return `Nothing, until it is resumed: holdfast ingests resume ${stream}`;
  if (origins.length === 0) return "It is pulled as soon as an origin is alive.";
  const living = origins.some((one) => one.name === owner && one.epoch === record.epoch);
  if (isUnwanted(record, now))
    return "The first play, at whatever origin, lets the planner choose one to pull it.";
  if (target !== "" && target !== owner)
    return overlap && living
      ? `${target} begins to pull it; ${owner} stops at the first keyframe that ${target} has.`
      : `${target} pulls it as soon as ${living ? `${owner} has let it go` : "its lease is free"}.`;
  if (!living) return "The planner gives it to a living origin.";
  switch (state) {
    case "retrying":
    case "starting":
      return `${owner} goes on trying; after 3 tries or 15 s without a picture another origin is tried.`;
    case "resting":
      return `${owner} tries it again with growing pauses, and other origins do once they are not marked any more.`;
    default:
      return captureAt === "" || captureAt === owner || target !== owner
        ? `It stays on ${owner}; if ${owner} dies, another origin pulls it.`
        : `It goes back to ${captureAt} when that is up, steady and has not failed; until then it stays on ${owner}.`;
  }
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** `4.2 s`, or whole minutes from two on. */
function span(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
