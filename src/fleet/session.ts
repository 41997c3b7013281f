import type { Logger } from "pino";
import { backoffMs } from "../domain/backoff.ts";
import { asHoldfastError, type HoldfastError } from "../domain/errors.ts";
import { fenceDeadline, isBefore, LONG_AGO, momentOf, type Moment } from "../domain/lease.ts";
import type { OriginDescription, SessionRef } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Registry, Wishes } from "../domain/ports/registry.ts";
import type { PeerProbe } from "../domain/ports/relay.ts";
import type { OwnedStream } from "../domain/stream-record.ts";
import { conflictWith, registerName } from "./name-conflict.ts";
import { orAborted, sleep } from "./patience.ts";
import { RegistryTime } from "./registry-time.ts";
import type { FleetSettings } from "./settings.ts";

/** What hangs on a session: told of every renewal, asked what to say with the next one. */
export interface SessionDuties {
  /** How many streams this origin owns. */
  count(): number;
  /** Losses acted on that the registry may forget. */
  acknowledgements(): readonly OwnedStream[];
  /** The session was renewed: `lost` to other origins, `acknowledged` has arrived; what operators wish. */
  renewed(lost: readonly OwnedStream[], acknowledged: readonly OwnedStream[], wishes: Wishes): void;
  /** A new session began: whatever is held belongs to an earlier one. */
  registered(): void;
}

export interface SessionOptions {
  readonly registry: Registry;
  readonly probe: PeerProbe;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lease: FleetSettings["lease"];
  readonly describe: () => OriginDescription;
  /** Event-loop share in use, 0 to 1. */
  readonly load: () => number;
  readonly random: () => number;
}

/**
 * This origin's registration: renewed every `lease.renewEvery`, given up by ourselves before the registry can give
 * it to another (self-fence), begun anew under a new epoch when it was lost.
 *
 * An epoch that was fenced once stays fenced: a late answer revives nothing.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #time: RegistryTime;
  readonly #stopped = new AbortController();
  readonly #waiting = new Set<() => void>();
  #duties!: SessionDuties;
  #ref: SessionRef | undefined;
  #deadline: Moment = LONG_AGO;
  #beat = 0;
  #seen = 0;
  #failures = 0;
  #loop: Promise<void> = Promise.resolve();
  #wake = new AbortController();
  #end!: (error: HoldfastError) => void;
  /** Resolves when this origin must exit: `NAME_CONFLICT`. */
  readonly ended: Promise<HoldfastError> = new Promise((resolve) => (this.#end = resolve));

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#time = new RegistryTime(options.clock);
  }

  /** The last session, until it is known to be lost. Check `live` before relying on it. */
  get ref(): SessionRef | undefined {
    return this.#ref;
  }

  /** True only while nobody else can have been granted what this session holds. */
  get live(): boolean {
    return this.#ref !== undefined && isBefore(momentOf(this.#options.clock), this.#deadline);
  }

  /** The registry's time: ms since 1970. Our own until the registry has told it. */
  now(): number {
    return this.#time.now();
  }

  /** Remember the highest number of the registry, so that it never gives a lower one again. */
  saw(token: number): void {
    if (token > this.#seen) this.#seen = token;
  }

  /**
   * Register for the first time, then renew until `stop`, telling `duties`.
   *
   * @throws HoldfastError `NAME_CONFLICT`, or what the registry threw: an origin that cannot register does not start
   */
  async start(duties: SessionDuties): Promise<void> {
    this.#duties = duties;
    await this.#register(true);
    this.#loop = this.#run();
  }

  /** Give the name and every stream back at once. */
  async stop(reason: string): Promise<void> {
    if (this.#stopped.signal.aborted) return this.#loop;
    this.#stopped.abort();
    this.#wake.abort();
    await this.#leave(reason);
    await this.#loop;
  }

  /** Resolves once the session is live; rejects with the signal's reason. */
  async whenLive(signal: AbortSignal): Promise<void> {
    while (!this.live) {
      let wake = () => {};
      const registered = new Promise<void>((resolve) => (wake = resolve));
      this.#waiting.add(wake);
      await orAborted(registered, signal).finally(() => this.#waiting.delete(wake));
    }
  }

  /** The registry answered that it does not know the session: register anew without waiting for the next beat. */
  suspect(epoch: number): void {
    if (this.#ref?.epoch !== epoch) return;
    this.#lose("unknown to the registry");
    this.#wake.abort();
  }

  /** Tell the registry what has changed about this origin now, not only with the next beat. */
  hurry(): void {
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { clock, lease, random } = this.#options;
    let next = clock.monotonic() + lease.renewEvery;
    while (!this.#stopped.signal.aborted) {
      await sleep(clock, Math.max(0, next - clock.monotonic()), this.#wake.signal);
      if (this.#stopped.signal.aborted) return;
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
      // No zero pause: a registry that refuses at once must not be asked without end.
      const again = Math.max(10, backoffMs(this.#failures, { min: 50, max: lease.renewEvery / 2 }, random()));
      const due = clock.monotonic();
      try {
        if (this.#ref && !this.live) this.#lose("not renewed in time");
        if (this.#ref) await this.#renew(this.#ref);
        else await this.#registerAgain();
        this.#note(undefined);
        next = this.#ref ? due + lease.renewEvery : clock.monotonic();
      } catch (thrown) {
        if (this.#stopped.signal.aborted) return;
        const error = asHoldfastError(thrown, "INTERNAL");
        if (error.code === "NAME_CONFLICT") return this.#fail(error);
        this.#note(error);
        next = clock.monotonic() + again;
      }
    }
  }

  async #renew(ref: SessionRef): Promise<void> {
    const { registry, clock, lease, load, describe } = this.#options;
    const acknowledged = this.#duties.acknowledgements();
    const sent = momentOf(clock);
    const result = await registry.heartbeat(ref, {
      ttlMs: lease.ttl,
      beat: ++this.#beat,
      state: describe().state,
      load: load(),
      streams: this.#duties.count(),
      acknowledged,
    });
    if (this.#stopped.signal.aborted || this.#ref !== ref) return;
    if (result.outcome === "lost") return this.#refused(result.instance, ref);
    if (!this.live) return this.#lose("renewed too late");
    this.#deadline = fenceDeadline(sent, lease.ttl);
    this.#time.set(result.timeMs, sent.monotonic);
    this.#duties.renewed(result.lost, acknowledged, result);
  }

  async #refused(instance: string, ref: SessionRef): Promise<void> {
    const other = instance !== "" && instance !== ref.instance;
    this.#lose(other ? "held by another instance" : "expired or removed");
    if (other) throw await conflictWith(this.#options.registry, ref.name, instance);
  }

  async #registerAgain(): Promise<void> {
    const { clock, lease, random } = this.#options;
    // All origins lose their sessions together when the registry was emptied.
    if (this.#failures === 0)
      await sleep(clock, random() * Math.min(500, lease.renewEvery / 2), this.#stopped.signal);
    if (!this.#stopped.signal.aborted) await this.#register(false);
  }

  async #register(starting: boolean): Promise<void> {
    const { registry, clock, lease, describe, probe, log } = this.#options;
    const { name, instance } = describe();
    let sent = momentOf(clock);
    const result = await registerName({
      ...{ instance, starting, clock, probe },
      stopped: this.#stopped.signal,
      register: (replaceInstance) => {
        sent = momentOf(clock);
        const options = { ttlMs: lease.ttl, seenToken: this.#seen };
        return registry.register(
          describe(),
          replaceInstance === undefined ? options : { ...options, replaceInstance },
        );
      },
    });
    this.#ref = { name, instance, epoch: result.epoch };
    if (this.#stopped.signal.aborted) return this.#leave("stopped while registering");
    this.#deadline = fenceDeadline(sent, lease.ttl);
    this.#time.set(result.timeMs, sent.monotonic);
    this.#beat = 0;
    this.saw(result.epoch);
    log.info({ epoch: result.epoch, ttlMs: lease.ttl, registry: registry.address }, "session registered");
    this.#duties.registered();
    for (const wake of this.#waiting) wake();
  }

  #lose(reason: string): void {
    this.#options.log.warn({ epoch: this.#ref?.epoch, reason }, "session lost");
    this.#ref = undefined;
    this.#deadline = LONG_AGO;
  }

  #fail(error: HoldfastError): void {
    this.#options.log.fatal({ code: error.code, ...error.context }, "name is held by another origin");
    this.#ref = undefined;
    this.#end(error);
  }

  async #leave(reason: string): Promise<void> {
    const ref = this.#ref;
    this.#ref = undefined;
    this.#deadline = LONG_AGO;
    if (!ref) return;
    try {
      await this.#options.registry.leave(ref, reason);
      this.#options.log.info({ epoch: ref.epoch, reason }, "session ended");
    } catch (error) {
      this.#options.log.warn({ epoch: ref.epoch, err: error }, "session left to expire");
    }
  }

  /** One line when the registry goes away, and one when it is back. */
  #note(error: HoldfastError | undefined): void {
    const { log, registry } = this.#options;
    const fields = { registry: registry.address, failures: this.#failures };
    const why = { code: error?.code, detail: error?.message };
    if (error && this.#failures === 0) log.warn({ ...fields, ...why }, "registry does not answer");
    if (!error && this.#failures > 0) log.info(fields, "registry answers again");
    this.#failures = error ? this.#failures + 1 : 0;
  }
}
