import { test } from "node:test";
import fc from "fast-check";
import { FleetModel } from "../../support/fleet-model.ts";
import type { ClientStep, Policy, Step, TroubleName } from "../../support/fleet-steps.ts";

/** More for a night: `HOLDFAST_MODEL_RUNS=2000`. */
const RUNS = Number(process.env["HOLDFAST_MODEL_RUNS"] ?? 25);

const origin = fc.nat({ max: 2 });
const stream = fc.nat({ max: 1 });
const client = (...what: ClientStep[]) => fc.record({ do: fc.constantFrom(...what), origin, stream });
const trouble = fc.constantFrom<TroubleName>("fine", "away", "mute", "deaf", "paused");

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: client("publish", "play") },
  { weight: 2, arbitrary: client("unpublish", "disconnect", "stopPlaying") },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("trouble" as const), origin, trouble }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("kill" as const, "restart" as const), origin }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 3_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 9_000 }) }) },
);

const policy = fc.constantFrom<Policy>("takeover", "reject", "standby", "standby");

/** Encoders of such fleets fall silent, too. */
const standbyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: step },
  { weight: 3, arbitrary: client("publish", "silence") },
);

test("whatever happens, tokens grow, sessions end before they are given away, and all agree in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const model = await new FleetModel().begin();
      for (const one of steps) await model.step(one);
      await model.settle();
    }),
    { numRuns: RUNS },
  );
});

test("the same holds where encoders stand by, also next to origins that take over or reject", async () => {
  const policies = fc.oneof(
    fc.constant<Policy[]>(["standby", "standby", "standby"]),
    fc.tuple(policy, policy, policy),
  );
  await fc.assert(
    fc.asyncProperty(
      policies,
      fc.array(standbyStep, { minLength: 5, maxLength: 40 }),
      async (fleet, steps) => {
        const model = await new FleetModel(fleet).begin();
        for (const one of steps) await model.step(one);
        await model.settle();
      },
    ),
    { numRuns: RUNS },
  );
});
