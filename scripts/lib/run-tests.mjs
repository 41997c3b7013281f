// The body of scripts/run-tests: one process per test file, several at a time.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { parseArgs } from "node:util";

/** The longest files are in the first tier: started first, they do not hold up the end. Fuzzing minds no company. */
const CI_TIERS = ["conformance", "integration", "contract", "unit", "fuzz"];
/** A file that takes longer hangs. The matrices of the night take long. */
const FILE_TIMEOUT_MS = { ci: 6 * 60_000, nightly: 30 * 60_000 };
/** After the end of a test's process, those that it started must be gone, too. */
const LEFT_BEHIND_MS = 3_000;
const root = join(import.meta.dirname, "../..");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { repeat: { type: "string", default: "1" } },
});
const repeat = Number(values.repeat);
if (!Number.isInteger(repeat) || repeat < 1) usage(`--repeat takes a number from 1, got ${values.repeat}`);
const files = (positionals.length > 0 ? positionals : CI_TIERS).flatMap(testFiles);
if (files.length === 0) usage("there is no test to run");
const atOnce = Number(process.env["TESTS_AT_ONCE"] ?? Math.min(4, availableParallelism()));

const folder = mkdtempSync(join(tmpdir(), "holdfast-tests-"));
const running = new Set();
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stopped = true;
    for (const child of running) child.kill(signal);
  });
}

const results = [];
try {
  const waiting = Array.from({ length: repeat }, () => files).flat();
  const worker = async () => {
    while (!stopped && waiting.length > 0) results.push(await runFile(waiting.shift()));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
summarise();

/** Run one file, and print what there is to say about it in one piece. */
async function runFile(file) {
  const countsFile = join(folder, `${results.length}-${Math.random()}.json`);
  const reporter = join(import.meta.dirname, "test-reporter.mjs");
  const args = [
    "--import",
    "tsx",
    "--test-reporter",
    reporter,
    "--test-reporter-destination",
    "stdout",
    file,
  ];
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, TEST_COUNTS: countsFile },
  });
  running.add(child);
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => output.push(data));
  let late = false;
  const timer = setTimeout(
    () => {
      late = true;
      child.kill("SIGKILL");
    },
    FILE_TIMEOUT_MS[file.startsWith("test/nightly") ? "nightly" : "ci"],
  );
  const ending = await new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(signal ?? code));
    // Its output stays open while a process that it started has it, too.
    child.on("exit", () => setTimeout(resolve, LEFT_BEHIND_MS, "it left a process behind").unref());
  });
  clearTimeout(timer);
  for (const stream of [child.stdout, child.stderr]) stream.destroy();
  running.delete(child);
  const counts = countsOf(countsFile, late ? "it did not end" : ending);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  process.stdout.write(Buffer.concat(output));
  if (counts.problem !== undefined) console.log(`\nFAILED  ${file}\n${counts.problem}\n`);
  console.log(
    `${counts.failed > 0 ? "FAILED" : "ok    "}  ${file}  ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped (${seconds} s)`,
  );
  return { file, ...counts };
}

/** What the reporter wrote; it writes as the last thing, so that a process which ended early is found out. */
function countsOf(countsFile, ending) {
  const complete = existsSync(countsFile);
  const counts = complete
    ? JSON.parse(readFileSync(countsFile, "utf8"))
    : { passed: 0, failed: 0, skipped: [], failures: [] };
  const ran = counts.passed + counts.failed + counts.skipped.length > 0;
  const problem = !complete
    ? `its process ended before its tests did (${ending})`
    : !ran
      ? "it ran no test"
      : ending !== 0 && counts.failed === 0
        ? `its process failed (${ending})`
        : undefined;
  if (problem === undefined) return counts;
  return { ...counts, failed: counts.failed + 1, failures: [...counts.failures, problem], problem };
}

function summarise() {
  console.log("");
  for (const { file, skipped } of results)
    for (const name of new Set(skipped)) console.log(`skipped  ${file}: ${name}`);
  for (const { file, failures } of results)
    for (const name of failures) console.log(`failed   ${file}: ${name}`);
  const sum = (count) => results.reduce((total, result) => total + count(result), 0);
  const failed = sum((result) => result.failed);
  const skipped = sum((result) => result.skipped.length);
  console.log(`${sum((result) => result.passed)} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = stopped ? 130 : failed > 0 ? 1 : 0;
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
