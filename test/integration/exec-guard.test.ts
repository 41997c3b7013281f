import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { processesOf } from "../support/process-list.ts";
import { findProgram } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";

const GUARD = fileURLToPath(new URL("../../src/media/ingest/exec-guard.sh", import.meta.url));
/** Those that are /bin/sh somewhere: Debian, macOS, Alpine. */
const SHELLS = [["sh"], ["dash"], ["bash", "--posix"], ["busybox", "sh"]];

let number = 0;

for (const [name = "", ...flags] of SHELLS) {
  const shell = findProgram(name);
  describe(`the guard in ${name}`, { skip: !shell && `not installed: ${name}` }, () => {
    function start(t: TestContext, seconds: string, ...command: readonly string[]): ChildProcess {
      const child = spawn(shell as string, [...flags, GUARD, seconds, ...command], {
        detached: true,
        stdio: ["pipe", "pipe", "inherit"],
      });
      child.stdin?.on("error", () => undefined);
      t.after(() => {
        try {
          process.kill(-(child.pid as number), "SIGKILL");
        } catch {
          // ESRCH: as it should be.
        }
      });
      return child;
    }

    function ended(child: ChildProcess): Promise<string> {
      return new Promise((resolve) => child.once("exit", (code, signal) => resolve(`${signal ?? code}`)));
    }

    const living = async (child: ChildProcess) =>
      (await processesOf("")).filter(({ group }) => group === child.pid);

    test("the program's exit code and signal are its own", async (t) => {
      assert.equal(await ended(start(t, "60", "sh", "-c", "exit 7")), "7");
      assert.equal(await ended(start(t, "60", "sh", "-c", "kill -TERM $$")), "SIGTERM");
      assert.equal(await ended(start(t, "60", "/nonexistent/program")), "127");
    });

    test("arguments reach the program as they are", async (t) => {
      const words = ["", "a b", "$HOME", "*", "\\n", "'", '"', "-n", "é"];
      const child = start(t, "60", "printf", "%s\\0", ...words);
      let said = "";
      child.stdout?.on("data", (data: Buffer) => (said += data.toString()));
      await new Promise((resolve) => child.once("close", resolve));
      assert.deepEqual(said.split("\0").slice(0, -1), words);
    });

    test("the end of standard input kills the group", async (t) => {
      const child = start(t, "60", "sh", "-c", `trap "" TERM HUP; sleep 6${++number}.77 & wait`);
      await waitFor(async () => (await living(child)).length >= 4, { within: 20_000 });
      const end = ended(child);
      child.stdin?.end();
      assert.equal(await end, "SIGKILL");
      await waitFor(async () => (await living(child)).length === 0, { within: 20_000 });
    });

    test("a lease that is not renewed kills the group at its end", async (t) => {
      const began = performance.now();
      const child = start(t, "0.700", "sleep", "60");
      assert.equal(await ended(child), "SIGKILL");
      const ran = performance.now() - began;
      assert.ok(ran >= 690, `${ran}`);
      await waitFor(async () => (await living(child)).length === 0, { within: 20_000 });
    });

    test("each line is a new lease, longer or shorter", async (t) => {
      const began = performance.now();
      const child = start(t, "2.000", "sleep", "60");
      const end = ended(child);
      await waitFor(() => performance.now() - began >= 1_000);
      child.stdin?.write("4.000\n");
      await waitFor(() => performance.now() - began >= 2_500);
      assert.equal(child.exitCode ?? child.signalCode, null, "killed by the lease that was renewed");
      child.stdin?.write("0.200\n");
      assert.equal(await end, "SIGKILL");
      assert.ok(performance.now() - began < 4_900, "the shorter lease was not heard");
    });

    test("what is no number kills the group at once", async (t) => {
      const child = start(t, "60", "sleep", "60");
      const end = ended(child);
      child.stdin?.write("rm -rf\n");
      assert.equal(await end, "SIGKILL");
    });

    test("a thousand lines leave one timer, and no zombie that is ours", async (t) => {
      const child = start(t, "60", "sleep", "59");
      for (let index = 0; index < 1_000; index++) {
        child.stdin?.write("50.000\n");
        if (index % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      child.stdin?.write("49.000\n");
      const sleeps = async () => (await living(child)).filter(({ command }) => command.startsWith("sleep"));
      await waitFor(async () => (await sleeps()).some(({ command }) => command === "sleep 49.000"), {
        within: 30_000,
      });
      await waitFor(async () => (await sleeps()).length === 2, { within: 10_000, what: "one timer" });
      assert.equal((await living(child)).length, 4, JSON.stringify(await living(child)));
    });

    test("a polite end of the group does not end the guard", async (t) => {
      const child = start(t, "1.500", "sh", "-c", `trap "" TERM; echo ready; sleep 60; sleep 60; sleep 60`);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      // The guard, its timer with a sleep, and the program with one.
      await waitFor(async () => (await living(child)).length === 5, { within: 20_000 });
      process.kill(-(child.pid as number), "SIGTERM");
      assert.equal(await ended(child), "SIGKILL");
      await waitFor(async () => (await living(child)).length === 0, { within: 20_000 });
    });
  });
}
