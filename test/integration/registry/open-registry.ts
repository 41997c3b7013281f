import { Writable } from "node:stream";
import type { TestContext } from "node:test";
import { pino } from "pino";
import type { Registry } from "../../../src/domain/ports/registry.ts";
import { systemClock } from "../../../src/ops/clock.ts";
import { createRedisRegistry } from "../../../src/registry/redis-registry.ts";

export const PREFIX = "{holdfast}";
export const COMMAND_TIMEOUT = 400;

export interface OpenedRegistry {
  readonly registry: Registry;
  /** Every line it logged. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
}

/** A registry on this URL that is not connected yet, and is closed with the test. */
export function openRegistry(
  t: TestContext,
  url: string,
  { commandTimeoutMs = COMMAND_TIMEOUT, clock = systemClock } = {},
): OpenedRegistry {
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(line: Buffer, _encoding, done) {
      log.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  const registry = createRedisRegistry({
    url,
    prefix: PREFIX,
    commandTimeoutMs,
    connectTimeoutMs: 1_000,
    log: pino({ level: "debug" }, sink),
    clock,
  });
  t.after(() => registry.close());
  return { registry, log };
}

/** How long a promise took to settle, in ms, and what came of it. */
export async function timed<T>(work: Promise<T>): Promise<{ ms: number; value?: T; error?: unknown }> {
  const start = performance.now();
  try {
    const value = await work;
    return { ms: performance.now() - start, value };
  } catch (error) {
    return { ms: performance.now() - start, error };
  }
}
