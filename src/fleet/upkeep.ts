import type { Logger } from "pino";
import type { Clock } from "../domain/ports/clock.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { RECORD_TTL_MS, type Claims } from "./claims.ts";
import type { Holding } from "./holding.ts";
import type { Ownership } from "./ownership.ts";
import type { Releases } from "./releases.ts";
import type { Session } from "./session.ts";

export interface UpkeepOptions {
  readonly registry: Registry;
  readonly session: Session;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ownership: Ownership;
  readonly claims: Claims;
  readonly releases: Releases;
}

const TOUCH_EVERY_MS = 10_000;
const RECLAIMS_AT_ONCE = 64;

/** Keeps the registry's idea of what we own and our own the same: after every renewal, and every 10 s. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  /** Keys whose record must be read: an unanswered claim may have been applied, or a touch was refused. */
  readonly #doubts = new Set<StreamKey>();
  #state: "resting" | "tending" | "again" | "stopped" = "resting";
  #cancelTouch = () => {};
  #unlisten: (() => void) | undefined;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancelTouch = this.#options.clock.after(TOUCH_EVERY_MS, () => void this.#touch());
  }

  stop(): void {
    this.#state = "stopped";
    this.#cancelTouch();
    this.#unlisten?.();
  }

  doubt(key: StreamKey): void {
    this.#doubts.add(key);
  }

  /** Write the description now; should that fail, after the next renewal. */
  describe(holding: Holding): void {
    void this.#write(holding).catch(() => {});
  }

  /** What is left to do after a renewal, in order of urgency. What fails waits for the next one. */
  async tend(): Promise<void> {
    if (this.#state !== "resting") return void (this.#state === "tending" && (this.#state = "again"));
    this.#state = "tending";
    try {
      await this.#listen();
      await this.#reclaimAll();
      for (const key of this.#doubts) await this.#options.ownership.inTurn(key, () => this.#check(key));
      await this.#options.releases.flush();
      for (const holding of this.#options.ownership.all()) if (!holding.described) await this.#write(holding);
    } catch (error) {
      this.#options.log.debug({ err: error }, "upkeep put off");
    }
    if (this.#stateIs("stopped")) return this.#unlisten?.();
    const again = this.#stateIs("again");
    this.#state = "resting";
    if (again) await this.tend();
  }

  /** A function, since the compiler does not see that the state changes across an await. */
  #stateIs(state: "again" | "stopped"): boolean {
    return this.#state === state;
  }

  async #listen(): Promise<void> {
    const { registry, session, ownership } = this.#options;
    if (this.#unlisten || !session.ref) return;
    this.#unlisten = await registry.onNotice(session.ref.name, (notice) => {
      if (notice.type === "taken-over") ownership.hear(notice.stream);
      if (notice.type === "wished" || notice.type === "suspected") session.hurry();
    });
  }

  /** Claim what belongs to an earlier session, with its former token. */
  async #reclaimAll(): Promise<void> {
    const { session, ownership } = this.#options;
    const epoch = session.ref?.epoch;
    // An ingest's pull ends with its session; only a record that is missing is claimed again for it.
    const isStale = (one: Holding) => one.epoch !== epoch && (one.ingest === 0 || one.epoch === 0);
    const stale = ownership.all().filter(isStale);
    for (let i = 0; i < stale.length; i += RECLAIMS_AT_ONCE) {
      const some = stale.slice(i, i + RECLAIMS_AT_ONCE);
      await Promise.all(some.map((holding) => ownership.inTurn(holding.key, () => this.#reclaim(holding))));
    }
  }

  async #reclaim(holding: Holding): Promise<void> {
    const { session, ownership, claims, releases, log } = this.#options;
    const { key, publisher, codecs, rank, ingest } = holding;
    const { ref } = session;
    if (ownership.get(key) !== holding || !ref || holding.epoch === ref.epoch) return;
    const wish = { policy: "reclaim", publisher, codecs, rank, ingest } as const;
    const answer = await claims.ask(ref, key, wish, holding.token);
    if (answer.outcome === "session-lost") return;
    if (answer.outcome !== "granted") {
      const token = "token" in answer ? answer.token : 0;
      return ownership.lose(holding, token, "origin" in answer ? answer.origin : "");
    }
    const { token } = answer;
    const { epoch } = ref;
    // The encoder may have left, or been replaced, while we asked.
    if (ownership.get(key) !== holding) return releases.add(key, { token, epoch, reason: "encoder gone" });
    Object.assign(holding, { token, epoch, described: holding.codecs === codecs && !holding.stalled });
    log.info({ stream: key, token, epoch }, "stream reclaimed");
  }

  /** Read the record of a key, and bring it and us into line. */
  async #check(key: StreamKey): Promise<void> {
    const { registry, session, ownership, releases } = this.#options;
    const [location] = await registry.locate([key]);
    this.#doubts.delete(key);
    const { ref } = session;
    const holding = ownership.get(key);
    if (!ref) return;
    if (!location) return void (holding && (holding.epoch = 0));
    const { token, origin, epoch } = location.record;
    session.saw(token);
    if (origin !== ref.name || epoch !== ref.epoch) {
      if (holding && token > holding.token) ownership.lose(holding, token, origin);
    } else if (holding) Object.assign(holding, { token: Math.max(holding.token, token), epoch });
    else releases.add(key, { token, epoch, reason: "nobody publishes it here" });
  }

  async #touch(): Promise<void> {
    const { registry, session, ownership, log, clock } = this.#options;
    const { ref } = session;
    const streams = ownership.all().filter((holding) => holding.epoch === ref?.epoch);
    try {
      if (ref && streams.length > 0)
        for (const loss of await registry.touchStreams(ref, streams, RECORD_TTL_MS)) this.doubt(loss.key);
    } catch (error) {
      log.debug({ err: error }, "touch put off");
    }
    if (this.#state !== "stopped") this.#cancelTouch = clock.after(TOUCH_EVERY_MS, () => void this.#touch());
  }

  async #write(holding: Holding): Promise<void> {
    const { registry, session } = this.#options;
    const { codecs, stalled, key, token } = holding;
    if (!session.ref || holding.epoch !== session.ref.epoch) return;
    await registry.describeStream(session.ref, { key, token }, { codecs, stalled });
    if (holding.codecs === codecs && holding.stalled === stalled) holding.described = true;
  }
}
