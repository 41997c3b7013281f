import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { HoldfastError, type ErrorCode } from "../../../../src/domain/errors.ts";
import { ToldDefinitions } from "../../../../src/fleet/ingest/told-definitions.ts";
import { define } from "../../../contract/ingests.contract.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const REF = { name: "o1", instance: "i", epoch: 1 };

function told(answer: () => ErrorCode | undefined) {
  const clock = new ManualClock();
  const lines: string[] = [];
  let asked = 0;
  const definitions = new ToldDefinitions({
    registry: {
      ingests: {
        assertConfigured: async () => {
          asked += 1;
          const code = answer();
          if (code !== undefined) throw new HoldfastError(code);
        },
      },
    },
    clock,
    log: pino({ level: "warn" }, { write: (line: string) => void lines.push(line) }),
    definitions: [define()],
  });
  return { clock, lines, definitions, asked: () => asked };
}

test("definitions are told every 20 seconds, and at once to a new session", async () => {
  const { clock, definitions, asked } = told(() => undefined);
  await definitions.tell(REF);
  await definitions.tell(REF);
  assert.equal(asked(), 1);
  await clock.advance(20_000);
  await definitions.tell(REF);
  assert.equal(asked(), 2);
  definitions.forget();
  await definitions.tell(REF);
  assert.equal(asked(), 3);
});

test("a registry that refuses them holds nothing else up, is logged once and asked again", async () => {
  let code: ErrorCode | undefined = "REGISTRY_REFUSED";
  const { lines, definitions, asked } = told(() => code);
  for (let round = 0; round < 3; round++) await definitions.tell(REF);
  assert.equal(asked(), 3);
  assert.equal(lines.length, 1);
  code = undefined;
  await definitions.tell(REF);
  await definitions.tell(REF);
  assert.equal(asked(), 4);
  code = "REGISTRY_UNAVAILABLE";
  definitions.forget();
  await assert.rejects(definitions.tell(REF), { code });
});
