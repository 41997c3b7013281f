import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { watchedPeers } from "../../../src/fleet/watch-ring.ts";
import { describeOrigin } from "../../contract/fleet-fixture.ts";

function origins(names: readonly string[]) {
  return names.map((name) => ({ ...describeOrigin(name), epoch: 1, beat: 0, load: 0, streams: 0, since: 0 }));
}

test("everybody is watched by three others, or by all there are, and watches no more than that", () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(names, (all) => {
      const fleet = origins(all);
      const watchers = new Map(all.map((name) => [name, 0]));
      for (const self of all)
        for (const { name } of watchedPeers(self, fleet)) {
          assert.notEqual(name, self);
          watchers.set(name, (watchers.get(name) ?? 0) + 1);
        }
      const expected = Math.min(3, all.length - 1);
      for (const [name, count] of watchers) assert.equal(count, expected, name);
    }),
  );
});

test("when one goes, nobody else is dropped", () => {
  const all = Array.from({ length: 12 }, (_, i) => `o${i}`);
  for (const self of all.slice(1)) {
    const before = watchedPeers(self, origins(all)).map(({ name }) => name);
    const after = new Set(watchedPeers(self, origins(all.slice(1))).map(({ name }) => name));
    for (const name of before) assert.ok(name === "o0" || after.has(name), `${self} watches ${name}`);
  }
});

test("who has no address is watched by nobody, and may watch", () => {
  const fleet = origins(["a", "b", "c"]).map((one) => (one.name === "b" ? { ...one, peer: "" } : one));
  assert.deepEqual(
    watchedPeers("a", fleet).map(({ name }) => name),
    ["c"],
  );
  assert.deepEqual(
    watchedPeers("b", fleet)
      .map(({ name }) => name)
      .toSorted(),
    ["a", "c"],
  );
  assert.deepEqual(watchedPeers("nobody", fleet), []);
});
