import { pino } from "pino";
import type { IngestDefinition } from "../../src/domain/ingest.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { ingestOf } from "./ingest-owner.ts";

/** An operator of a fleet's ingests, with a connection of its own. */
export class IngestAdmin {
  readonly registry: Registry;

  private constructor(registry: Registry) {
    this.registry = registry;
  }

  static async open(redisUrl: string): Promise<IngestAdmin> {
    const registry = createRedisRegistry({
      url: redisUrl,
      prefix: "{holdfast}",
      commandTimeoutMs: 5_000,
      connectTimeoutMs: 5_000,
      log: pino({ level: "silent" }),
    });
    await registry.connect();
    return new IngestAdmin(registry);
  }

  async define(stream: string, more: Partial<IngestDefinition> = {}): Promise<void> {
    await this.registry.ingests.put(ingestOf(stream, more), "test");
  }

  /** From now on an encoder may publish the stream. */
  async pause(stream: string): Promise<void> {
    await this.registry.ingests.setEnabled(parseStreamKey(stream), false, "test");
  }

  async close(): Promise<void> {
    await this.registry.close();
  }
}
