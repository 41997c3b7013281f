import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { signalGroup } from "../../src/media/ingest/process-group.ts";
import { processesOf } from "../support/process-list.ts";
import { isInstalled, Program } from "../support/run-program.ts";
import { sampleFlv, sampleStream } from "../support/sample-stream.ts";
import { waitFor } from "../support/wait.ts";

const ORIGIN = fileURLToPath(new URL("../support/exec-origin.ts", import.meta.url));
const LEASE = 3_000;
const skip = !isInstalled("ffmpeg") && "not installed: ffmpeg";

/** A process like an origin that pulls an endless picture from ffmpeg, which has a child beside it. */
async function pulling(t: TestContext, mark: string, line?: string): Promise<Program> {
  const ffmpeg = `ffmpeg -v error -re -f lavfi -i testsrc2=s=64x64:r=10 -c:v libx264 -preset ultrafast -metadata title=${mark} -f flv -`; // prettier-ignore
  const command = line ?? `sh -c "sh -c 'while sleep 1; do :; done' ${mark} & exec ${ffmpeg}"`;
  let said = "";
  const origin = new Program("origin", "node", ["--import", "tsx", ORIGIN, command, `${LEASE}`], {
    onOutput: (data) => (said += data.toString("latin1")),
  });
  t.after(async () => {
    origin.kill("SIGCONT");
    await origin.stop();
  });
  await waitFor(() => said === "pulling\n", { within: 30_000, what: "the first packet" });
  return origin;
}

/** The programs of the pull that live, without the origin whose command line has the same text. */
async function programs(mark: string): Promise<string[]> {
  return (await processesOf(mark))
    .map(({ command }) => command)
    .filter((one) => !one.includes("exec-origin"));
}

test(
  "when the origin is killed, its program and all that it started are gone at once",
  { skip },
  async (t) => {
    const mark = `orphan-a-${process.pid}`;
    const origin = await pulling(t, mark);
    assert.ok((await programs(mark)).some((one) => one.startsWith("ffmpeg") || one.includes("/ffmpeg")));
    assert.ok((await programs(mark)).length >= 2);
    await origin.stop();
    const began = performance.now();
    await waitFor(async () => (await programs(mark)).length === 0, { within: 20_000 });
    assert.ok(performance.now() - began < LEASE - 500, "only the end of the lease ended it");
  },
);

test(
  "when the origin hangs, its program is gone at the end of the lease, and not before",
  { skip },
  async (t) => {
    const mark = `orphan-b-${process.pid}`;
    const origin = await pulling(t, mark);
    const pid = origin.pid as number;
    process.kill(pid, "SIGSTOP");
    const began = performance.now();
    const gone = await waitFor(async () => (await programs(mark)).length === 0 && performance.now() - began, {
      within: 20_000,
    });
    // It is told each quarter of the lease, but no later than each second, how long it has.
    assert.ok(gone >= LEASE - 1_500, `gone after ${gone} ms`);
    assert.ok(gone <= LEASE + 1_000, `gone after ${gone} ms`);
  },
);

test("an origin that hangs for less than its lease goes on with the same program", { skip }, async (t) => {
  const mark = `orphan-c-${process.pid}`;
  const origin = await pulling(t, mark);
  const programsNow = async () =>
    (await processesOf(mark)).filter(({ command }) => !command.includes("exec-guard"));
  const before = await programsNow();
  assert.ok(before.length >= 3, "the origin, ffmpeg and its child");
  const pid = origin.pid as number;
  process.kill(pid, "SIGSTOP");
  const began = performance.now();
  await waitFor(() => performance.now() - began > LEASE / 3);
  process.kill(pid, "SIGCONT");
  await waitFor(() => performance.now() - began > 2 * LEASE, { within: 20_000 });
  assert.deepEqual(await programsNow(), before);
});

test(
  "on Linux the kernel ends the program when the origin dies and somebody killed the guard",
  {
    skip: !isInstalled("setpriv") && "not installed: setpriv",
  },
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "holdfast-orphans-"));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const file = join(dir, "short.flv");
    await writeFile(file, sampleFlv(sampleStream({ duration: 200 })));
    // It writes nothing more: it would end by itself when nobody reads that.
    const mark = `1000.${process.pid}`;
    const origin = await pulling(t, mark, `sh -c "cat ${file}; exec sleep ${mark}"`);
    const isProgram = ({ command }: { readonly command: string }) => command === `sleep ${mark}`;
    const program = await waitFor(async () => (await processesOf(mark)).find(isProgram), { within: 20_000 });
    t.after(() => signalGroup(program.group, "SIGKILL"));
    // Or it would notice that the guard is gone.
    process.kill(origin.pid as number, "SIGSTOP");
    const guards = (await processesOf("exec-guard.sh")).filter(({ group }) => group === program.group);
    assert.ok(guards.length >= 1);
    for (const { pid } of guards) process.kill(pid, "SIGKILL");
    assert.ok((await processesOf(mark)).some(isProgram), "it lives without its guard");
    await origin.stop();
    await waitFor(async () => !(await processesOf(mark)).some(isProgram), { within: 20_000 });
  },
);
