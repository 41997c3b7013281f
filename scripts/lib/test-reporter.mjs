// A reporter for node's test runner: failures in full as they happen, then one line per file and the names of
// skipped and failed tests. Writes the counts as JSON into the file that TEST_COUNTS names.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { inspect } from "node:util";

const RUNNER_COUNT = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* report(events) {
  const files = new Map();
  const skipped = [];
  const failures = [];
  for await (const { type, data } of events) {
    if (type === "test:stderr" || type === "test:stdout") yield data.message;
    else if (type === "test:diagnostic" && !RUNNER_COUNT.test(data.message)) yield `${data.message}\n`;
    // The runner starts a file: good ones are not heard of again under that name.
    else if (type === "test:enqueue" && data.nesting === 0) count(files, data.file ?? data.name);
    else if (type === "test:pass" || type === "test:fail") {
      const { file, counts } = count(files, data.file ?? data.name);
      const { name, counted } = judge(type, data, file, counts);
      if (counted !== undefined) counts[counted]++;
      if (counted === "skipped")
        skipped.push(`${name}${typeof data.skip === "string" ? ` (${data.skip})` : ""}`);
      if (counted === "failed") failures.push(name);
      if (type === "test:fail" && data.details.error?.failureType !== "subtestsFailed")
        yield `\nFAILED  ${name}\n${reasonOf(data.details.error)}\n`;
    }
  }
  yield* summary(files, skipped, failures);
}

/** What is said when all is over. */
function* summary(files, skipped, failures) {
  for (const [file, counts] of files) {
    if (counts.passed + counts.failed + counts.skipped > 0) continue;
    counts.failed++;
    failures.push(file);
    yield `\nFAILED  ${file}\nit ran no test\n`;
  }
  yield "\n";
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const [file, counts] of [...files].sort(([one], [other]) => one.localeCompare(other))) {
    for (const key of Object.keys(sum)) sum[key] += counts[key];
    yield `${counts.failed > 0 ? "FAILED" : "ok    "}  ${file}  ${lineOf(counts)}\n`;
  }
  for (const name of skipped) yield `skipped  ${name}\n`;
  for (const name of failures) yield `failed   ${name}\n`;
  writeFileSync(process.env["TEST_COUNTS"], JSON.stringify(sum));
}

function count(files, path) {
  const file = relative(process.cwd(), path);
  const counts = files.get(file) ?? { passed: 0, failed: 0, skipped: 0 };
  files.set(file, counts);
  return { file, counts };
}

/** What an event counts as: `passed`, `failed`, `skipped`, or nothing. */
function judge(type, data, file, counts) {
  const failed = type === "test:fail";
  // The runner's own entry for a file: it could not be loaded, or did not end well although its tests did.
  const whole =
    data.nesting === 0 && (data.name === data.file || relative(process.cwd(), data.name) === file);
  if (whole) return { name: file, counted: failed && counts.failed === 0 ? "failed" : undefined };
  const name = `${file}: ${data.name}`;
  if (data.skip !== undefined || data.todo !== undefined) return { name, counted: "skipped" };
  // What is in a suite, and the parts of a test, are reported themselves.
  if (data.details.type === "suite") return { name, counted: undefined };
  if (failed && data.details.error?.failureType === "subtestsFailed") return { name, counted: undefined };
  return { name, counted: failed ? "failed" : "passed" };
}

function reasonOf(error) {
  const cause = error?.cause ?? error;
  const text = typeof cause === "string" ? cause : inspect(cause, { depth: 6 });
  const exit = error?.exitCode === undefined ? "" : ` (exit code ${error.exitCode}, signal ${error.signal})`;
  return `${text}${exit}`;
}

function lineOf({ passed, failed, skipped }) {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(", ");
}
