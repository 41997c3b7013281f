import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PlacementModel } from "../../../support/placement-model.ts";

type Happening =
  | { readonly what: "join" | "die" | "drain" | "undrain"; readonly origin: number }
  | { readonly what: "define" | "wait"; readonly count: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    what: fc.constantFrom("join" as const, "die" as const, "drain" as const, "undrain" as const),
    origin: fc.nat({ max: 7 }),
  }),
  fc.record({
    what: fc.constantFrom("define" as const, "wait" as const),
    count: fc.integer({ min: 1, max: 12 }),
  }),
);
const history = fc.array(happening, { maxLength: 20 });
/** Enough for every move of 200 ingests, with thirty seconds between two of one. */
const SETTLED = 120;

function live(model: PlacementModel, happenings: readonly Happening[]): void {
  let defined = 0;
  for (const happened of happenings) {
    if ("count" in happened) {
      if (happened.what === "wait") model.ticks(happened.count);
      else for (let i = 0; i < happened.count; i++) model.define(`live/c${defined++}`);
      continue;
    }
    const name = `o${happened.origin}`;
    if (happened.what === "join" && !model.origins.has(name)) model.join(name);
    if (happened.what === "die") model.die(name);
    if (happened.what === "drain") model.drain(name);
    if (happened.what === "undrain") model.drain(name, false);
    model.tick();
  }
  if (![...model.origins.values()].some(({ draining }) => !draining)) model.join("last");
}

const check = (property: fc.IProperty<[Happening[]]>) => fc.assert(property, { numRuns: 60 });

test("whatever happened, counts of equal origins differ by one at most in the end, and nothing moves any more", () => {
  check(
    fc.property(history, (happenings) => {
      const model = new PlacementModel();
      live(model, happenings);
      model.ticks(SETTLED);
      assert.equal(model.unplaced(), 0);
      if (model.ingests.size > 0) assert.ok(model.unevenness() <= 1, `differ by ${model.unevenness()}`);
      const { moves, placements } = model.counts;
      model.ticks(60);
      assert.deepEqual({ ...model.counts, longestWait: 0 }, { moves, placements, longestWait: 0 });
    }),
  );
});

test("a death moves only what the dead origin had", () => {
  check(
    fc.property(history, (happenings) => {
      const model = new PlacementModel();
      live(model, happenings);
      model.join("doomed");
      model.join("survivor");
      model.ticks(SETTLED);
      const before = model.owners();
      model.die("doomed");
      model.ticks(SETTLED);
      for (const [stream, owner] of model.owners())
        if (before.get(stream) !== "doomed") assert.equal(owner, before.get(stream), stream);
      assert.equal(model.unplaced(), 0);
    }),
  );
});

test("captureAt is where an ingest is in the end, whenever that origin is up", () => {
  check(
    fc.property(history, (happenings) => {
      const model = new PlacementModel();
      for (let i = 0; i < 10; i++) model.define(`cams/c${i}`, { captureAt: `o${i % 8}` });
      live(model, happenings);
      model.ticks(SETTLED);
      for (const [stream, { captureAt }] of model.ingests) {
        const home = model.origins.get(captureAt);
        if (home && !home.draining) assert.equal(model.owners().get(stream), captureAt);
      }
    }),
  );
});

test("a source that fails on some origins ends on one where it works, and stays there", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 4 }), { minLength: 1, maxLength: 4 }), (broken) => {
      const model = new PlacementModel();
      for (let i = 0; i < 5; i++) model.join(`o${i}`);
      for (let i = 0; i < 20; i++) model.define(`live/c${i}`);
      model.fails = (stream, origin) => stream === "live/c0" && broken.includes(Number(origin.slice(1)));
      model.ticks(SETTLED);
      const owner = Number(
        model
          .owners()
          .get([...model.ingests.keys()][0] as never)
          ?.slice(1),
      );
      assert.ok(!broken.includes(owner), `on o${owner}, broken are ${broken.join()}`);
    }),
    { numRuns: 60 },
  );
});
