import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { OriginDescription } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import { decidePlay } from "../domain/route.ts";
import type { ExpectedIngest, StreamLocation } from "../domain/stream-record.ts";
import { authorisePlay, throwIfLeft, type Authorise } from "./authorise.ts";
import type { PlayAnswer, PlayGate, PlayRequest } from "./gates.ts";
import type { Demand } from "./ingest/demand.ts";
import type { LocalStream } from "./local-stream.ts";
import type { LocalStreams } from "./local-streams.ts";
import type { Lookup } from "./lookup.ts";
import type { OwnerWatch } from "./owner-watch.ts";
import type { Ownership } from "./ownership.ts";
import { broadcast, orAborted, patience, type Patience } from "./patience.ts";
import type { RedirectGuard } from "./redirect-guard.ts";
import type { RelayGate } from "./relay-gate.ts";
import type { FleetSettings } from "./settings.ts";

export interface PlayOptions {
  readonly authorise: Authorise;
  readonly describe: () => OriginDescription;
  readonly streams: LocalStreams;
  readonly ownership: Ownership;
  readonly lookup: Lookup;
  readonly watch: OwnerWatch;
  readonly demand: Demand;
  readonly relayGate: RelayGate;
  readonly guard: RedirectGuard;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Pick<FleetSettings, "play" | "limits" | "continuity">;
}

/** Longest time until a player hears something, whatever `play.startTimeout` is: the stock ones wait for so long. */
const START_WITHIN_MS = 5_000;

/**
 * authorise -> local channel? serve -> lookup -> owner elsewhere: redirect or relay -> nobody, but an ingest should
 * bring it: wait, then serve on hold -> nobody: refuse.
 *
 * What is here already, published, relayed or on hold, is served without asking the registry, so that it is played
 * while the registry is away, too.
 */
export class FleetPlayGate implements PlayGate {
  readonly #options: PlayOptions;
  #waiting = 0;
  readonly #stopping = broadcast();

  constructor(options: PlayOptions) {
    this.#options = options;
  }

  /** Plays that wait for a stream. */
  get waiting(): number {
    return this.#waiting;
  }

  stop(): void {
    this.#stopping.abort(new HoldfastError("STOPPING"));
  }

  async play(request: PlayRequest): Promise<PlayAnswer> {
    const { authorise, relayGate, streams } = this.#options;
    this.#check(request);
    if (request.ticket !== undefined) return relayGate.serve(request, request.ticket);
    await authorisePlay(authorise, request);
    this.#check(request);
    const local = streams.fed(request.key);
    return local ? this.#serve(local, request) : this.#find(request);
  }

  async #find(request: PlayRequest): Promise<PlayAnswer> {
    const { lookup, streams, clock, settings } = this.#options;
    const { key } = request;
    const began = clock.monotonic();
    for (;;) {
      const { location, ingest } = await lookup.whereabouts(key);
      this.#check(request);
      // An encoder may have come here meanwhile, or another player have started the relay.
      const local = streams.fed(key);
      const until = ingest && began + this.#startTimeout;
      if (local) return this.#serve(local, request, until);
      const answer = location && this.#route(location, request);
      if (answer === "relay")
        return this.#serve(streams.relay(location as StreamLocation, began), request, until);
      if (answer) return answer;
      const left = (until ?? began + settings.play.waitForPublish) - clock.monotonic();
      if (left > 0 && (await this.#owner(request, left, ingest))) continue;
      const held = ingest !== undefined && clock.monotonic() - began < settings.continuity.hold;
      if (!held) throw notFound(request, ingest);
      return this.#serve(streams.expect(key, began), request, until);
    }
  }

  #route(location: StreamLocation, request: PlayRequest): PlayAnswer | "relay" | undefined {
    const { describe, guard, ownership, log, settings } = this.#options;
    const { client, redirected, key } = request;
    const { remote } = settings.play;
    const { protocol, srs } = client;
    const { owner } = location;
    const route = decidePlay({ remote, protocol, srs, redirected, self: describe(), owner });
    if (route.to === "nobody") {
      log.debug(
        { stream: key, token: location.record.token },
        "record names this origin, which has no such stream",
      );
      ownership.doubt(key);
      return undefined;
    }
    if (route.to === "relay") return "relay";
    // HTTP carries the mark of a redirect in its query; for RTMP counting must do.
    const safe = protocol === "http-flv" || guard.allow(client.address, key);
    return safe ? { kind: "redirect", address: route.address, owner: owner.name } : "relay";
  }

  /** Wait until there is something to start with. @param until  monotonic ms; `play.startTimeout` when absent */
  async #serve(stream: LocalStream, request: PlayRequest, until?: number): Promise<PlayAnswer> {
    const { channel } = stream;
    if (stream.attachable) return { kind: "serve", channel };
    const { clock, settings } = this.#options;
    const ms = stream.patient ? this.#startTimeout : settings.play.startTimeout;
    const left = until === undefined ? ms : Math.max(0, until - clock.monotonic());
    const wait = this.#wait(request, left, new HoldfastError("TIMED_OUT"));
    try {
      await stream.whenReady(wait.signal);
    } catch (error) {
      throwIfLeft(request.left);
      if (stream.ended.aborted) throw stream.ended.reason;
      if (!stream.patient) throw stream.problem ?? tooSlow(stream, error);
    } finally {
      wait.done();
    }
    this.#check(request);
    return { kind: "serve", channel };
  }

  /** Wait for `ms` at most until somebody owns the stream. Whether somebody does. */
  async #owner(request: PlayRequest, ms: number, ingest: ExpectedIngest | undefined): Promise<boolean> {
    const { watch, demand } = this.#options;
    const { key } = request;
    const tooLate = notFound(request, ingest);
    const wait = this.#wait(request, ms, tooLate);
    const undo = ingest ? [demand.wait(key)] : [];
    const found = new Promise<void>((resolve) => void undo.push(watch.watch(key, () => resolve())));
    try {
      await orAborted(found, wait.signal);
      return true;
    } catch (error) {
      throwIfLeft(request.left);
      if (error !== tooLate) throw error;
      return false;
    } finally {
      for (const end of undo) end();
      wait.done();
    }
  }

  get #startTimeout(): number {
    return Math.min(this.#options.settings.play.startTimeout, START_WITHIN_MS);
  }

  #wait(request: PlayRequest, ms: number, reason: HoldfastError): Patience {
    if (this.#waiting >= this.#options.settings.limits.streamsWaiting)
      throw new HoldfastError("ORIGIN_FULL", { detail: "too many plays wait for a stream on this origin" });
    this.#waiting++;
    const wait = patience(this.#options.clock, ms, () => reason, request.left, this.#stopping.signal);
    return {
      signal: wait.signal,
      done: () => {
        this.#waiting--;
        wait.done();
      },
    };
  }

  #check(request: PlayRequest): void {
    throwIfLeft(request.left);
    this.#stopping.signal.throwIfAborted();
  }
}

function notFound({ key }: PlayRequest, ingest: ExpectedIngest | undefined): HoldfastError {
  const detail = ingest ? `the source of ${key} is not there` : `nobody publishes ${key}`;
  return new HoldfastError("STREAM_NOT_FOUND", { detail, stream: key });
}

function tooSlow(stream: LocalStream, cause: unknown): HoldfastError {
  const detail = `origin ${stream.relayedFrom ?? "unknown"} sent no media of ${stream.key} in time`;
  return new HoldfastError("RELAY_FAILED", { detail, stream: stream.key }, { cause });
}
