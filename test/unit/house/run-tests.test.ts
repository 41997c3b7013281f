import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "holdfast-run-"));
after(() => rmSync(folder, { recursive: true, force: true }));
symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));

const GOOD = `import { test } from "node:test";
test("one", () => {});
test("two", { skip: "no such client" }, () => {});
`;
const BAD = `import { describe, test } from "node:test";
describe("suite", () => {
  test("three", () => {});
  test("four", () => { throw new Error("it broke"); });
});
`;
const BROKEN = `throw new Error("it cannot be loaded");\n`;
const QUITS = `import { test } from "node:test";
test("five", () => { process.exit(0); });
test("six", () => {});
`;

const LEAVES = `import { spawn } from "node:child_process";
import { test } from "node:test";
test("seven", () => { spawn("sleep", ["8"], { stdio: "inherit", detached: true }).unref(); });
`;

function run(files: Record<string, string>, ...args: string[]) {
  const paths = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  });
  const { status, stdout } = spawnSync(join(ROOT, "scripts/run-tests"), [...paths, ...args], {
    encoding: "utf8",
  });
  return { status, stdout, sum: stdout.trimEnd().split("\n").at(-1) };
}

test("the sum of passed, failed and skipped tests is the last line", () => {
  const { status, sum, stdout } = run({ "good.test.ts": GOOD });
  assert.deepEqual([status, sum], [0, "1 passed, 0 failed, 1 skipped"]);
  assert.match(stdout, /skipped {2}.*good\.test\.ts: two \(no such client\)/);
});

test("a failure is shown in full, and fails the run", () => {
  const { status, sum, stdout } = run({ "good.test.ts": GOOD, "bad.test.ts": BAD });
  assert.deepEqual([status, sum], [1, "2 passed, 1 failed, 1 skipped"]);
  assert.match(stdout, /FAILED {2}four\nError: it broke\n/);
  assert.match(stdout, /failed {3}.*bad\.test\.ts: four\n/);
});

test("a file that cannot be loaded fails the run", () => {
  const { status, sum, stdout } = run({ "broken.test.ts": BROKEN });
  assert.deepEqual([status, sum], [1, "0 passed, 1 failed, 0 skipped"]);
  assert.match(stdout, /it cannot be loaded/);
});

test("a file that quits before its tests are over is not taken for a good one", () => {
  const { status, sum } = run({ "quits.test.ts": QUITS });
  assert.deepEqual([status, sum], [1, "0 passed, 1 failed, 0 skipped"]);
});

test("a process that a test leaves behind fails the run", () => {
  const { status, sum } = run({ "leaves.test.ts": LEAVES });
  assert.deepEqual([status, sum], [1, "1 passed, 1 failed, 0 skipped"]);
});

test("repeated runs are added up", () => {
  const { status, sum } = run({ "good.test.ts": GOOD }, "--repeat", "2");
  assert.deepEqual([status, sum], [0, "2 passed, 0 failed, 2 skipped"]);
});

test("wrong arguments are refused", () => {
  assert.equal(run({}, "no-such-tier").status, 2);
  assert.equal(run({ "good.test.ts": GOOD }, "--repeat", "x").status, 2);
});
