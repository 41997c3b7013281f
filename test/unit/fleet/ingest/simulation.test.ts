import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IngestSim, type Happening } from "../../../support/ingest-sim.ts";

const INGESTS = 6;

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.constantFrom<Happening>({ do: "kill" }, { do: "join" }, { do: "leave" }),
  fc.constantFrom<Happening>({ do: "forget-lease" }, { do: "replan" }),
  fc.record({ do: fc.constant("move" as const), who: fc.nat(5) }),
  fc.record({
    do: fc.constantFrom("pause" as const, "cut-off" as const),
    who: fc.nat(5),
    ms: fc.integer({ min: 200, max: 12_000 }),
  }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 200, max: 9_000 }) }),
);

for (const overlap of [false, true])
  test(`whatever happens to a fleet ${overlap ? "with" : "without"} overlap, no source is shown by two origins, and all are pulled in the end`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 12 }), async (happenings) => {
        const sim = new IngestSim(INGESTS, overlap);
        await sim.begin(3);
        for (const what of happenings) await sim.happen(what);
        await sim.settle();
        const counts = sim.counts();
        const text = `${counts.join(" ")} after ${JSON.stringify(happenings)}`;
        assert.equal(
          counts.reduce((sum, count) => sum + count, 0),
          INGESTS,
          text,
        );
        await sim.stop();
      }),
      { numRuns: Number(process.env["RUNS"] ?? 10) },
    );
  });
