import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GroupMemory, type Group } from "../../../src/media/group-memory.ts";

/** Groups that note when they are dropped. */
function groups(memory: GroupMemory, count: number) {
  const dropped: number[] = [];
  const list: Group[] = Array.from({ length: count }, (_, number) =>
    memory.group(() => void dropped.push(number)),
  );
  return { list, dropped };
}

test("when all together take too much the largest is dropped, whoever grew", () => {
  const memory = new GroupMemory(1_000);
  const { list, dropped } = groups(memory, 3);
  const [large, middle, small] = list as [Group, Group, Group];
  large.count(600);
  middle.count(390);
  small.count(10);
  assert.deepEqual(dropped, []);
  small.count(1);
  assert.deepEqual(dropped, [0]);
  assert.equal(memory.taken, 401);
  assert.equal(large.bytes, 0);
  assert.equal(memory.drops, 1);
});

test("a group that is too large by itself is dropped while it grows", () => {
  const memory = new GroupMemory(1_000);
  const { list, dropped } = groups(memory, 2);
  (list[0] as Group).count(5);
  (list[1] as Group).count(1_001);
  assert.deepEqual(dropped, [1]);
  assert.equal(memory.taken, 5);
});

test("what is cleared, or shrinks, is room for the others", () => {
  const memory = new GroupMemory(1_000);
  const { list, dropped } = groups(memory, 2);
  const [one, other] = list as [Group, Group];
  one.count(900);
  one.count(-500);
  other.count(600);
  one.clear();
  one.clear();
  other.count(400);
  assert.deepEqual(dropped, []);
  assert.equal(memory.taken, 1_000);
});

test("the sum is never more than the bound, and always that of the groups", () => {
  const step = fc.record({ group: fc.nat(9), bytes: fc.integer({ min: 1, max: 700 }), clears: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const memory = new GroupMemory(1_000);
      const { list } = groups(memory, 10);
      for (const { group, bytes, clears } of steps) {
        const one = list[group] as Group;
        if (clears) one.clear();
        else one.count(bytes);
        assert.ok(memory.taken <= 1_000);
        assert.equal(
          memory.taken,
          list.reduce((sum, { bytes: own }) => sum + own, 0),
        );
      }
    }),
  );
});
