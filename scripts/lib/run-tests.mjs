// The body of scripts/run-tests.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { parseArgs } from "node:util";

const CI_TIERS = ["unit", "contract", "integration", "conformance"];
/** A file that takes longer hangs. */
const FILE_TIMEOUT_MS = 15 * 60_000;
const root = join(import.meta.dirname, "../..");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { repeat: { type: "string", default: "1" } },
});
const repeat = Number(values.repeat);
if (!Number.isInteger(repeat) || repeat < 1) usage(`--repeat takes a number from 1, got ${values.repeat}`);
const files = (positionals.length > 0 ? positionals : CI_TIERS).flatMap(testFiles);
if (files.length === 0) usage("there is no test to run");

const folder = mkdtempSync(join(tmpdir(), "holdfast-tests-"));
const total = { passed: 0, failed: 0, skipped: 0 };
let runner;
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stopped = true;
    runner?.kill(signal);
  });
}
try {
  for (let round = 1; round <= repeat && !stopped; round++) {
    if (repeat > 1) console.log(`\nround ${round} of ${repeat}`);
    add(await runOnce(join(folder, String(round))));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = stopped ? 130 : total.failed > 0 ? 1 : 0;

/** Resolves with the counts of one run. */
function runOnce(counts) {
  const atOnce = process.env["TESTS_AT_ONCE"] ?? Math.min(4, availableParallelism());
  const reporter = join(import.meta.dirname, "test-reporter.mjs");
  const args = [
    ...["--import", "tsx", "--test", `--test-concurrency=${atOnce}`, `--test-timeout=${FILE_TIMEOUT_MS}`],
    ...["--test-reporter", reporter, "--test-reporter-destination", "stdout"],
    ...files,
  ];
  runner = spawn(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, TEST_COUNTS: counts },
  });
  return new Promise((resolve, reject) => {
    runner.on("error", reject);
    runner.on("exit", (code) => {
      const found = existsSync(counts) ? JSON.parse(readFileSync(counts, "utf8")) : { failed: 0 };
      // The runner may fail for a reason that no test has reported.
      if (code !== 0 && found.failed === 0) found.failed = 1;
      resolve(found);
    });
  });
}

function add(counts) {
  for (const name of Object.keys(total)) total[name] += counts[name] ?? 0;
}

/** The test files of a tier, below a folder, or the file itself. */
function testFiles(name) {
  const path =
    /^[a-z]+$/.test(name) && existsSync(join(root, "test", name)) ? join(root, "test", name) : name;
  if (!existsSync(path)) {
    if (CI_TIERS.includes(name)) return [];
    usage(`there is no tier, file or folder named ${name}`);
  }
  if (!statSync(path).isDirectory()) return [relative(root, path)];
  return readdirSync(path, { recursive: true })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => relative(root, join(path, file)).split(sep).join("/"))
    .sort();
}

function usage(problem) {
  console.error(`run-tests: ${problem}\nUsage: scripts/run-tests [TIER|FILE|FOLDER]… [--repeat N]`);
  process.exit(2);
}
