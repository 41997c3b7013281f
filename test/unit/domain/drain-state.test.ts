import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  nextDrainStep,
  type DrainProgress,
  type DrainStep,
  type DrainView,
} from "../../../src/domain/drain-state.ts";

const times = { deadline: 30_000, settle: 2_000, encoderGrace: 5_000 };
const fresh: DrainProgress = { began: 0, told: undefined, reset: false };
const view: DrainView = { now: 2_000, peers: "some", encoders: 3, players: 10, duties: 0 };

const wait: DrainStep = { do: "wait" };
const tell: DrainStep = { do: "tell" };
const reset: DrainStep = { do: "reset" };
const end = (how: "empty" | "alone" | "deadline"): DrainStep => ({ do: "end", how });

const cases: readonly (readonly [string, Partial<DrainProgress>, Partial<DrainView>, DrainStep])[] = [
  ["before it is known whether there are others, it waits", {}, { peers: "asking", now: 10_000 }, wait],
  ["an origin that is alone waits for nothing", {}, { peers: "none", now: 0 }, end("alone")],
  ["also when the last other one goes in the middle", { told: 2_000 }, { peers: "none" }, end("alone")],
  ["balancers get their time before encoders are told", {}, { now: 1_999 }, wait],
  ["an empty origin gives balancers their time, too", {}, { now: 1_999, encoders: 0, players: 0 }, wait],
  ["then encoders are told", {}, {}, tell],
  ["told encoders have time to go", { told: 2_000 }, { now: 6_999 }, wait],
  ["then they are reset", { told: 2_000 }, { now: 7_000 }, reset],
  ["nothing is waited for once all encoders are gone", { told: 2_000 }, { now: 2_100, encoders: 0 }, reset],
  ["players are kept", { told: 2_000, reset: true }, { now: 20_000, encoders: 0 }, wait],
  ["until the last one has left", { told: 2_000, reset: true }, { encoders: 0, players: 0 }, end("empty")],
  ["or the deadline", { told: 2_000, reset: true }, { now: 30_000 }, end("deadline")],
  ["other duties are waited for", { reset: true }, { encoders: 0, players: 0, duties: 1 }, wait],
  ["while the registry is silent encoders are left alone", {}, { peers: "silent", now: 20_000 }, wait],
  ["also those who were told", { told: 2_000 }, { peers: "silent", now: 20_000 }, wait],
  ["until the deadline", {}, { peers: "silent", now: 30_000 }, end("deadline")],
  [
    "an empty origin ends, whatever the registry says",
    {},
    { peers: "silent", now: 0, encoders: 0, players: 0 },
    end("empty"),
  ],
];

for (const [name, progress, seen, step] of cases)
  test(name, () => {
    assert.deepEqual(nextDrainStep({ ...fresh, ...progress }, { ...view, ...seen }, times), step);
  });

test("whatever happens, encoders are told once, reset once and not before, and the deadline holds", () => {
  const looks = fc.array(
    fc.record({
      after: fc.integer({ min: 1, max: 2_000 }),
      peers: fc.constantFrom("asking" as const, "some" as const, "none" as const, "silent" as const),
      encoders: fc.nat(2),
      players: fc.nat(2),
      duties: fc.nat(1),
    }),
    { minLength: 40, maxLength: 80 },
  );
  const durations = fc.record({
    deadline: fc.integer({ min: 0, max: 30_000 }),
    settle: fc.nat(5_000),
    encoderGrace: fc.nat(10_000),
  });
  fc.assert(
    fc.property(durations, looks, (settings, seen) => {
      let progress = fresh;
      let now = 0;
      for (const { after, ...one } of seen) {
        now += after;
        const step = nextDrainStep(progress, { ...one, now }, settings);
        if (step.do === "end") return now >= settings.deadline || step.how !== "deadline";
        if (now >= settings.deadline) return false;
        if (step.do === "tell" && (progress.told !== undefined || now < settings.settle)) return false;
        if (step.do === "tell") progress = { ...progress, told: now };
        if (step.do !== "reset") continue;
        const early = one.encoders > 0 && now - (progress.told ?? Infinity) < settings.encoderGrace;
        if (progress.reset || progress.told === undefined || early) return false;
        progress = { ...progress, reset: true };
      }
      return true;
    }),
  );
});
