import type { Logger } from "pino";
import { asHoldfastError } from "../../domain/errors.ts";
import type { IngestDefinition } from "../../domain/ingest.ts";
import type { SessionRef } from "../../domain/origin-record.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { IngestRegistry } from "../../domain/ports/ingest-registry.ts";

export interface ToldDefinitionsOptions {
  readonly registry: { readonly ingests: Pick<IngestRegistry, "assertConfigured"> };
  readonly clock: Clock;
  readonly log: Logger;
  readonly definitions: readonly IngestDefinition[];
}

const TELL_EVERY_MS = 20_000;

/** What the config file defines, which the registry keeps for as long as some origin tells it. */
export class ToldDefinitions {
  readonly #options: ToldDefinitionsOptions;
  #toldAt = -Infinity;
  /** Why the registry would not hear it, the last time. */
  #refused = "";

  constructor(options: ToldDefinitionsOptions) {
    this.#options = options;
  }

  /** A new session has told nothing yet. */
  forget(): void {
    this.#toldAt = -Infinity;
  }

  /** Tell them again when it is time. A registry that refuses to write is logged once, and asked again next time. */
  async tell(ref: SessionRef): Promise<void> {
    const { registry, clock, definitions, log } = this.#options;
    const at = clock.monotonic();
    if (definitions.length === 0 || at - this.#toldAt < TELL_EVERY_MS) return;
    try {
      await registry.ingests.assertConfigured(ref, definitions);
      this.#toldAt = at;
      this.#refused = "";
    } catch (error) {
      const { code, message } = asHoldfastError(error, "INTERNAL");
      if (code !== "REGISTRY_REFUSED") throw error;
      if (this.#refused !== message) log.warn({ code, detail: message }, "ingests of the settings not told");
      this.#refused = message;
    }
  }
}
