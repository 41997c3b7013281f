import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { Random, splitBytes } from "./engine/random.ts";
import { mutate } from "./engine/mutate.ts";
import { runTarget } from "./engine/run-target.ts";
import { shrink } from "./engine/shrink.ts";
import { loadTarget } from "./targets.ts";

/** Found after 140,000 to 520,000 executions; without the loop, one execution in 10^14 would do. */
const MOST_EXECUTIONS = 4_000_000;
const folder = mkdtempSync(join(tmpdir(), "holdfast-corpus-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function seedOf(t: TestContext): number {
  const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  return seed;
}

test("the loop finds six bytes that nobody would guess, and shrinks what it found to them", async (t) => {
  const order = { target: "planted-bytes", seed: seedOf(t), executions: MOST_EXECUTIONS, untilFound: true };
  const { findings, loop } = await runTarget(order);
  const [finding] = findings;
  assert.equal(finding?.input.toString("hex"), "48f107d5fa9c");
  assert.match(finding?.kind ?? "", /TypeError: planted/);
  t.diagnostic(`found after ${finding?.executions} executions`);
  const blind = await runTarget({ ...order, executions: loop?.executions ?? 0, guided: false });
  assert.deepEqual(blind.findings, [], "it would be found without coverage, too: the plant proves nothing");
});

test("the same seed makes the same executions", async (t) => {
  const seed = seedOf(t);
  const reports = [];
  for (let round = 0; round < 2; round++) {
    const { loop, findings } = await runTarget({ target: "amf0", seed, executions: 3_000 });
    reports.push({ loop, findings });
  }
  assert.deepEqual(reports[0], reports[1]);
  assert.ok((reports[0]?.loop?.branches ?? 0) > 20);
});

test("inputs that reach something new are kept on disk, and tried first by the next run", async (t) => {
  const order = { target: "flv-demuxer", seed: seedOf(t), corpusFolder: folder };
  const first = await runTarget({ ...order, executions: 2_000 });
  const kept = readdirSync(folder).length;
  assert.ok(kept > 5 && kept >= (first.loop?.corpus ?? Infinity), `${kept} files`);
  const { seeds } = await loadTarget("flv-demuxer");
  const second = await runTarget({ ...order, executions: 1 + seeds.length + kept });
  assert.ok((second.loop?.branches ?? 0) >= (first.loop?.branches ?? Infinity));
});

test("an execution that never ends is found from outside", async (t) => {
  const { findings } = await runTarget({
    target: "planted-hang",
    seed: seedOf(t),
    ms: 60_000,
    hangMs: 1_500,
  });
  assert.equal(findings.length, 1);
  assert.equal(findings[0]?.kind, "hang");
  assert.ok((findings[0]?.input[0] ?? 0) > 200);
});

test("an execution that waits for ever is found from outside, and the thread is ended", async (t) => {
  const { findings, loop } = await runTarget({
    target: "planted-stuck",
    seed: seedOf(t),
    ms: 60_000,
    stuckMs: 1_500,
  });
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ["stuck"],
  );
  assert.ok((findings[0]?.input[0] ?? 0) > 200);
  assert.equal(loop, undefined);
});

test("memory that is taken because the input says so is found, whether or not it is used", async (t) => {
  const order = { target: "planted-memory", seed: seedOf(t), executions: 20_000, untilFound: true };
  const { findings } = await runTarget(order);
  assert.equal(findings[0]?.kind, "memory at once");
  assert.equal(findings[0]?.input.length, 3);
});

test("what is thrown where nobody can catch it is found", async (t) => {
  const { findings } = await runTarget({ target: "planted-stray", seed: seedOf(t), executions: 20_000 });
  assert.deepEqual(findings.map(({ kind, input }) => [kind, input.toString("hex")]).sort(), [
    ["past everybody: RangeError: planted", "08"],
    ["past everybody: TypeError: planted", "07"],
  ]);
});

test("shrinking keeps what fails and nothing else", async () => {
  const input = Buffer.from("........A.....................B......");
  const fails = async (candidate: Buffer): Promise<boolean> => /A.*B/s.test(candidate.toString("latin1"));
  assert.equal((await shrink(input, fails)).toString("latin1"), "AB");
});

test("mutations leave the original alone and respect the limit; pieces are the whole", (t) => {
  const random = new Random(seedOf(t));
  const input = random.bytes(300);
  const before = Buffer.from(input);
  const sources = { other: random.bytes(50), words: [Buffer.from("word")], mostBytes: 400 };
  let changed = 0;
  for (let round = 0; round < 2_000; round++) {
    const mutation = mutate(input, random, sources);
    assert.ok(mutation.length <= 400);
    if (!mutation.equals(before)) changed += 1;
    assert.deepEqual(Buffer.concat(splitBytes(mutation, random)), mutation);
  }
  assert.deepEqual(input, before);
  assert.ok(changed > 1_500, `${changed} of 2,000 changed something`);
});
