import assert from "node:assert/strict";
import type { RegistryEvent } from "../../src/domain/ports/registry.ts";

const GRANTS = ["claimed", "taken-over", "switched"];

/** The tokens of a stream grow with every grant. */
export function checkTokens(events: readonly RegistryEvent[]): void {
  const last = new Map<string, number>();
  for (const { type, fields } of events) {
    if (!GRANTS.includes(type)) continue;
    const { stream = "", token } = fields;
    assert.ok(Number(token) > (last.get(stream) ?? 0), `token ${token} of ${stream} did not grow`);
    last.set(stream, Number(token));
  }
}
