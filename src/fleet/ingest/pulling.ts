import type { Logger } from "pino";
import { backoffMs } from "../../domain/backoff.ts";
import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import type { IngestDefinition } from "../../domain/ingest.ts";
import { maskSourceUrl } from "../../domain/source-url.ts";
import type { IngestFeed } from "../ingest-feed.ts";
import { broadcast, sleep } from "../patience.ts";
import { marked, unmarked } from "./failure-marks.ts";
import type { IngestRight } from "./ingest-right.ts";
import type { IngestTools } from "./ingest-tools.ts";
import { profilesOf, type Profile } from "./profile.ts";
import { lapsed, PullAttempt } from "./pull-attempt.ts";
import { StatusReport } from "./status-report.ts";
import { claimIngested } from "./stream-claim.ts";

/** `failed`: another origin should try. `over`: it was stopped, or the right has ended. */
export type PullingEnd = "failed" | "over";

/** How a pulling ends that was stopped. */
export interface Stop {
  /** `ended`: nobody wants the stream any more; `broken`: somebody else will feed it. */
  readonly how: "ended" | "broken";
  readonly reason: string;
}

const TRIES = 3;
const GIVE_UP_MS = 15_000;
/** A pull that has lived for so long has worked. */
const STEADY_MS = 10_000;
const LOOK_FOR_ENCODER_MS = 1_000;

/** Pulls one ingest while this origin has the right to: tries again after failures, and says when to give up here. */
export class Pulling {
  readonly #tools: IngestTools;
  readonly #right: IngestRight;
  readonly #log: Logger;
  readonly #report: StatusReport;
  readonly #stopped = broadcast();
  #definition: IngestDefinition;
  #attempt: PullAttempt | undefined;
  /** The try whose stream is being claimed. */
  #claiming: PullAttempt | undefined;
  #liveSince: number | undefined;
  #changed = false;
  #stop: Stop = { how: "broken", reason: "pull ended" };

  constructor(tools: IngestTools, right: IngestRight, log: Logger) {
    this.#tools = tools;
    this.#right = right;
    this.#log = log;
    this.#definition = right.record;
    this.#report = new StatusReport(
      { ingests: () => tools.registry.ingests, right, clock: tools.clock, log },
      right.record.marks,
    );
  }

  /** Whether a connection to the source may be open. */
  get pulling(): boolean {
    return this.#attempt !== undefined;
  }

  get report(): StatusReport {
    return this.#report;
  }

  /** End it: `run` resolves when nothing is left of the pull, and the stream is given back. */
  stop(stop: Stop): void {
    if (this.#stopped.signal.aborted) return;
    this.#stop = stop;
    this.#stopped.abort();
    this.#attempt?.cut(new HoldfastError("STOPPING", { detail: stop.reason }));
  }

  /** The definition may have changed: another source is pulled at once. */
  redefine(definition: IngestDefinition): void {
    const { here } = this.#tools;
    const before = urlsOf(profilesOf(this.#definition, here));
    this.#definition = definition;
    if (urlsOf(profilesOf(definition, here)) === before) return;
    this.#changed = true;
    this.#attempt?.cut(new HoldfastError("SOURCE_FAILED", { detail: "its definition was changed" }));
  }

  async run(): Promise<PullingEnd> {
    const { clock, bucket, random, settings } = this.#tools;
    const { retryMin: min, retryMax: max } = settings.ingest;
    let since = clock.monotonic();
    if (this.#stopped.signal.aborted) return "over";
    for (let tries = 0, pauses = 0, turn = 0; ; turn++) {
      const error = await this.#pull(turn, since);
      if (this.#over) return this.#end;
      const lived = this.#liveSince === undefined ? undefined : clock.monotonic() - this.#liveSince;
      this.#liveSince = undefined;
      if (this.#changed || lived !== undefined) [tries, since] = [0, clock.monotonic()];
      if (this.#changed || (lived ?? 0) >= STEADY_MS) pauses = 0;
      if (this.#changed) turn = -1;
      else if (error.code === "STREAM_NAME_TAKEN") [turn, since] = [turn - 1, await this.#waitForName()];
      // Of a channel that was closed over it the source knows nothing.
      else if (lived === undefined && error.code !== "STREAM_ENDED") tries++;
      if (tries >= TRIES || clock.monotonic() - since >= this.#patience) return this.#giveUp(error);
      this.#changed = false;
      await sleep(clock, backoffMs(pauses++, { min, max }, random()), this.#stopped.signal);
      await bucket.take(this.#stopped.signal, "again");
      if (this.#over) return this.#end;
    }
  }

  /** Whether it was stopped, or the right has ended. */
  get #over(): boolean {
    return this.#stopped.signal.aborted || !this.#right.believed;
  }

  /** A pull ahead that never was the owner's has failed. */
  get #end(): PullingEnd {
    return this.#stopped.signal.aborted || this.#right.begun ? "over" : "failed";
  }

  /** One try. Why it has ended; nothing is left of it, and the stream is given back. */
  async #pull(turn: number, since: number): Promise<HoldfastError> {
    const { streams, puller, clock, settings, counts } = this.#tools;
    const { stream } = this.#definition;
    const profiles = profilesOf(this.#definition, this.#tools.here);
    const profile = profiles[turn % profiles.length] ?? profiles[0];
    const feed = streams.ingest(stream);
    const right = this.#right;
    const attempt: PullAttempt = new PullAttempt({
      ...{ stream, url: profile.url, puller, clock, feed },
      may: () => right.believed,
      validFor: () => right.validFor,
      keyframeTimeout: settings.ingest.keyframeTimeout,
      patience: Math.max(0, since + this.#patience - clock.monotonic()),
      onStart: () => void this.#claim(attempt, feed, profile),
    });
    this.#attempt = attempt;
    counts.pulls++;
    if (this.#report.status.state === "starting") this.#report.set({ profile: profile.number });
    this.#log.info({ source: maskSourceUrl(profile.url), token: right.token }, "ingest pulled");
    const error = await attempt.run().then(
      () => new HoldfastError("SOURCE_FAILED", { detail: "the source has ended" }),
      (thrown: unknown) => asHoldfastError(thrown, "SOURCE_FAILED"),
    );
    this.#attempt = undefined;
    const { how, reason } = this.#stop;
    feed.end(how, this.#stopped.signal.aborted ? reason : "source gone");
    if (this.#over) {
      await this.#settle();
      return error;
    }
    counts.failed(error.code);
    this.#log.warn({ code: error.code, detail: error.message, token: right.token }, "ingest broke");
    this.#report.set({ state: "retrying", error: error.message });
    return error;
  }

  /** The stream's record is gone before the lease is given back; should the registry not answer, the times decide. */
  async #settle(): Promise<void> {
    const { ownership, clock, settings } = this.#tools;
    const enough = new AbortController();
    const settled = ownership.settled(this.#definition.stream).then(() => ownership.released());
    await Promise.race([settled, sleep(clock, settings.lease.renewEvery, enough.signal)]);
    enough.abort();
  }

  /** There is something to begin with: the stream is claimed. What fails here is tried again at the next keyframe. */
  async #claim(attempt: PullAttempt, feed: IngestFeed, profile: Profile): Promise<void> {
    if (this.#claiming === attempt || this.#liveSince !== undefined) return;
    this.#claiming = attempt;
    const { registry, ownership } = this.#tools;
    const { stream } = this.#definition;
    const right = this.#right;
    const still = () =>
      this.#attempt === attempt && right.believed && !feed.closed.aborted && !feed.lost.aborted;
    try {
      const begun = await right.confirm();
      if (!still()) return;
      if (begun !== "begun") return attempt.cut(lapsed());
      const options = { stream, url: profile.url, token: right.token, registry, ownership, still };
      const claimed = await claimIngested({ ...options, feed: (holding) => feed.feed(holding) });
      if (claimed.outcome === "fed") this.#live(profile, claimed.holding.token, claimed.previous);
      else if (claimed.outcome === "taken") attempt.cut(nameTaken(stream, claimed.by));
      else if (claimed.outcome === "stale" && !(await right.renewStatus()) && still()) attempt.cut(lapsed());
    } catch (error) {
      this.#log.debug({ err: error }, "ingest not claimed");
      if (asHoldfastError(error, "INTERNAL").code === "LEASE_LOST") attempt.cut(lapsed());
    } finally {
      if (this.#claiming === attempt) this.#claiming = undefined;
    }
  }

  #live(profile: Profile, streamToken: number, previous: string): void {
    const { clock, session, here, lookup } = this.#tools;
    const since = clock.monotonic();
    this.#liveSince = since;
    lookup.forget(this.#definition.stream);
    const { token } = this.#right;
    this.#log.info({ token, streamToken, profile: profile.number, previous }, "ingest live");
    this.#report.set({ state: "live", profile: profile.number, error: "" });
    clock.after(STEADY_MS, () => {
      const { marks } = this.#report.status;
      if (this.#liveSince !== since || !marks.some(({ origin }) => origin === here.name)) return;
      this.#report.set({ marks: unmarked(marks, here.name, session.now()) });
    });
  }

  /** An encoder has the name: wait until it is gone. Since when the source may be tried again. */
  async #waitForName(): Promise<number> {
    const { registry, clock } = this.#tools;
    const { signal } = this.#stopped;
    for (;;) {
      await sleep(clock, LOOK_FOR_ENCODER_MS, signal);
      if (this.#over) return clock.monotonic();
      const found = await registry.locate([this.#definition.stream]).catch(() => "unknown" as const);
      if (found !== "unknown" && found[0]?.record.kind !== "publish") return clock.monotonic();
    }
  }

  /** It does not work here: say so, so that another origin tries. */
  async #giveUp({ code, message }: HoldfastError): Promise<PullingEnd> {
    const { registry, session, here } = this.#tools;
    const marks = marked(this.#report.status.marks, here.name, session.now());
    const origins = await registry.listOrigins().catch(() => undefined);
    const fails = (name: string) => marks.some((mark) => mark.origin === name && mark.until > session.now());
    const nobody = origins?.every(({ name, state }) => state !== "up" || fails(name)) ?? false;
    this.#log.warn({ code, detail: message, rests: nobody }, "ingest given up");
    this.#report.set({ state: nobody ? "resting" : "retrying", error: message, marks });
    await this.#report.write();
    return "failed";
  }

  get #patience(): number {
    const { connectTimeout, keyframeTimeout } = this.#tools.settings.ingest;
    return Math.max(GIVE_UP_MS, connectTimeout + keyframeTimeout);
  }
}

function urlsOf(profiles: readonly Profile[]): string {
  return JSON.stringify(profiles);
}

function nameTaken(stream: string, by: string): HoldfastError {
  const detail = `an encoder publishes ${stream} through origin ${by}: the ingest waits until it is gone`;
  return new HoldfastError("STREAM_NAME_TAKEN", { detail, stream });
}
