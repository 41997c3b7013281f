import type { Logger } from "pino";
import type { SessionRef } from "../domain/origin-record.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";

interface Release {
  readonly token: number;
  readonly epoch: number;
  readonly reason: string;
}

export interface ReleasesOptions {
  readonly registry: Registry;
  readonly log: Logger;
  /** The session of now. */
  readonly ref: () => SessionRef | undefined;
}

/**
 * Records to delete since nobody feeds the stream here any more: at once, in batches, and again after every renewal
 * while the registry is away.
 *
 * One entry per stream at most. A record of an earlier session needs no release: it died with the session.
 */
export class Releases {
  readonly #options: ReleasesOptions;
  readonly #waiting = new Map<StreamKey, Release>();
  #sending: Promise<void> | undefined;

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(key: StreamKey, release: Release): void {
    this.#waiting.set(key, release);
    // Encoders that leave together go in one batch.
    void Promise.resolve().then(() => this.flush());
  }

  /** Resolves when nothing waits any more, or the registry could not be told. */
  flush(): Promise<void> {
    return (this.#sending ??= this.#send().finally(() => (this.#sending = undefined)));
  }

  async #send(): Promise<void> {
    try {
      for (let ref = this.#options.ref(); ref && this.#waiting.size > 0; ref = this.#options.ref())
        await this.#sendSome(ref);
    } catch (error) {
      this.#options.log.debug({ waiting: this.#waiting.size, err: error }, "release put off");
    }
  }

  /** Send those that share the first one's reason. */
  async #sendSome(ref: SessionRef): Promise<void> {
    let reason: string | undefined;
    const batch = new Map<StreamKey, Release>();
    for (const [key, release] of this.#waiting) {
      if (release.epoch !== ref.epoch) this.#waiting.delete(key);
      else if ((reason ??= release.reason) === release.reason) batch.set(key, release);
    }
    if (reason === undefined) return;
    const streams = [...batch].map(([key, { token }]) => ({ key, token }));
    await this.#options.registry.releaseStreams(ref, streams, reason);
    for (const [key, release] of batch) if (this.#waiting.get(key) === release) this.#waiting.delete(key);
  }
}
