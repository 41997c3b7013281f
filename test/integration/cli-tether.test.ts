import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { identify } from "../../src/commands/fleet/process-identity.ts";
import { Tethered } from "../../src/commands/fleet/tether.ts";
import { waitFor } from "../support/wait.ts";

/** A program that writes its number into a file, then sleeps. */
const SLEEPER = ["-c", 'echo $$ > "$0"; exec sleep 600'];

async function place(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-tether-"));
  const output = await open(join(directory, "log"), "a");
  t.after(async () => {
    await output.close();
    await rm(directory, { recursive: true, force: true });
  });
  return { directory, file: join(directory, "pid"), output: output.fd };
}

const pidIn = (file: string) =>
  waitFor(async () => Number(await readFile(file, "utf8")) || undefined, {
    what: "the number of the program",
  });

test("stopping ends the program and removes its directory", async (t) => {
  const { directory, file, output } = await place(t);
  const tethered = new Tethered("sh", [...SLEEPER, file], { output, remove: directory });
  const pid = await pidIn(file);
  await tethered.stop();
  assert.equal(identify(pid), undefined);
  assert.equal(existsSync(directory), false);
});

test("a program that ignores SIGTERM is killed", async (t) => {
  const { file, output } = await place(t);
  const stubborn = ["-c", 'trap "" TERM; echo $$ > "$0"; while :; do sleep 1; done', file];
  const tethered = new Tethered("sh", stubborn, { output });
  const pid = await pidIn(file);
  await tethered.stop();
  assert.equal(identify(pid), undefined);
});

test("the end of the program is told, and its directory is left to read the log", async (t) => {
  const { directory, output } = await place(t);
  const tethered = new Tethered("sh", ["-c", "exit 7"], { output, remove: directory });
  assert.equal(await tethered.ended, 7);
  assert.equal(existsSync(directory), true);
});

test("the program ends with the process that started it, even by SIGKILL", async (t) => {
  const { file } = await place(t);
  const script = `
    import { Tethered } from "./src/commands/fleet/tether.ts";
    new Tethered("sh", ${JSON.stringify([...SLEEPER, file])}, { output: 2 });
    setInterval(() => undefined, 1_000);`;
  const parent = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const pid = await pidIn(file);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  await waitFor(() => identify(pid) === undefined, { what: "the end of the program" });
});
