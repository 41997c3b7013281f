// A reporter for node's test runner: failures in full as they happen. At the end it writes what was counted as JSON
// into the file that TEST_COUNTS names.
import { writeFileSync } from "node:fs";
import { inspect } from "node:util";

/** The runner's own sums, which it reports as if they were words of a test. */
const RUNNER_SUM = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* report(events) {
  const counts = { passed: 0, failed: 0, skipped: [], failures: [] };
  for await (const { type, data } of events) {
    if (type === "test:diagnostic" && !RUNNER_SUM.test(data.message)) yield `${data.message}\n`;
    if (type !== "test:pass" && type !== "test:fail") continue;
    count(counts, type, data);
    // That a part failed has been said of the part.
    if (type === "test:fail" && data.details.error?.failureType !== "subtestsFailed")
      yield `\nFAILED  ${data.name}\n${reasonOf(data.details.error)}\n`;
  }
  writeFileSync(process.env["TEST_COUNTS"], JSON.stringify(counts));
}

function count(counts, type, { name, skip, todo, details }) {
  if (skip !== undefined || todo !== undefined)
    counts.skipped.push(typeof skip === "string" ? `${name} (${skip})` : name);
  // What is in a suite, and the parts of a test, are counted themselves.
  else if (details.type === "suite" || details.error?.failureType === "subtestsFailed") return;
  else if (type === "test:pass") counts.passed++;
  else {
    counts.failed++;
    counts.failures.push(name);
  }
}

function reasonOf(error) {
  const cause = error?.cause ?? error;
  return typeof cause === "string" ? cause : inspect(cause, { depth: 6 });
}
