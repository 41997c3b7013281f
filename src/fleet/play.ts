import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { OriginDescription } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import { decidePlay } from "../domain/route.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import { authorisePlay, throwIfLeft, type Authorise } from "./authorise.ts";
import type { PlayAnswer, PlayGate, PlayRequest } from "./gates.ts";
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
  readonly relayGate: RelayGate;
  readonly guard: RedirectGuard;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Pick<FleetSettings, "play" | "limits">;
}

/**
 * authorise -> local channel? serve -> lookup -> owner elsewhere: redirect or relay -> nobody: refuse.
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
    const until = clock.monotonic() + settings.play.waitForPublish;
    for (;;) {
      const location = await lookup.find(key);
      this.#check(request);
      // An encoder may have come here meanwhile, or another player have started the relay.
      const local = streams.fed(key);
      if (local) return this.#serve(local, request);
      const answer = location && this.#route(location, request);
      if (answer === "relay") return this.#serve(streams.relay(location as StreamLocation), request);
      if (answer) return answer;
      const left = until - clock.monotonic();
      if (left <= 0) throw notFound(request);
      await this.#publisher(request, left);
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

  /** Wait until there is something to start with. */
  async #serve(stream: LocalStream, request: PlayRequest): Promise<PlayAnswer> {
    const { channel } = stream;
    if (stream.attachable) return { kind: "serve", channel };
    const wait = this.#wait(
      request,
      this.#options.settings.play.startTimeout,
      new HoldfastError("TIMED_OUT"),
    );
    try {
      await stream.whenReady(wait.signal);
    } catch (error) {
      throwIfLeft(request.left);
      if (stream.ended.aborted) throw stream.ended.reason;
      // The encoder is there and silent: its player may wait with it.
      if (stream.state !== "published") throw stream.problem ?? tooSlow(stream, error);
    } finally {
      wait.done();
    }
    this.#check(request);
    return { kind: "serve", channel };
  }

  /** Resolves when somebody publishes the stream, or the time is over. */
  async #publisher(request: PlayRequest, ms: number): Promise<void> {
    const { watch } = this.#options;
    const wait = this.#wait(request, ms, notFound(request));
    let unwatch = () => {};
    const found = new Promise<void>((resolve) => (unwatch = watch.watch(request.key, () => resolve())));
    try {
      await orAborted(found, wait.signal);
    } finally {
      unwatch();
      wait.done();
      throwIfLeft(request.left);
    }
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

function notFound({ key }: PlayRequest): HoldfastError {
  return new HoldfastError("STREAM_NOT_FOUND", { detail: `nobody publishes ${key}`, stream: key });
}

function tooSlow(stream: LocalStream, cause: unknown): HoldfastError {
  const detail = `origin ${stream.relayedFrom ?? "unknown"} sent no media of ${stream.key} in time`;
  return new HoldfastError("RELAY_FAILED", { detail, stream: stream.key }, { cause });
}
