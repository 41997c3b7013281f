import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { killOrigin } from "../../../../src/commands/fleet/kill-origin.ts";
import { identify, isAlive } from "../../../../src/commands/fleet/process-identity.ts";
import {
  findFleets,
  makeFleetDirectory,
  writeFleetState,
} from "../../../../src/commands/fleet/state-file.ts";

let runtime: string;
const before = process.env["XDG_RUNTIME_DIR"];

beforeEach(async () => {
  runtime = await mkdtemp(join(tmpdir(), "holdfast-state-"));
  process.env["XDG_RUNTIME_DIR"] = runtime;
});

afterEach(async () => {
  if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
  else process.env["XDG_RUNTIME_DIR"] = before;
  await rm(runtime, { recursive: true, force: true });
});

const me = () => identify(process.pid) ?? assert.fail("this process has no identity");
const origin = (process: { pid: number; began: string }) => {
  return { name: "o1", process, rtmp: "127.0.0.1:1", http: "127.0.0.1:2", api: "127.0.0.1:3" };
};

/** The state of a fleet whose supervisor is this process. */
async function writeFleet(process: { pid: number; began: string }, supervisor = me()): Promise<void> {
  const state = {
    supervisor,
    redisUrl: "redis://127.0.0.1:1",
    redisPrefix: "{t}",
    origins: [origin(process)],
  };
  await writeFleetState(await makeFleetDirectory(), state);
}

test("a process is known by its number and its beginning", () => {
  assert.ok(isAlive(me()));
  assert.ok(!isAlive({ ...me(), began: "another time" }));
  assert.equal(identify(2 ** 22 + 1), undefined);
});

test("an origin is killed by name", async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  const gone = once(child, "exit");
  await writeFleet(identify(child.pid ?? 0) ?? assert.fail("no child"));
  assert.equal(await killOrigin("o1"), child.pid);
  assert.deepEqual(await gone, [null, "SIGKILL"]);
  await assert.rejects(killOrigin("o1"), { code: "ORIGIN_NOT_FOUND", message: "o1 is dead already" });
  await assert.rejects(killOrigin("o2"), { code: "ORIGIN_NOT_FOUND" });
});

test("a process that only has the number of a dead origin is left alone", async () => {
  const bystander = spawn("sleep", ["60"], { stdio: "ignore" });
  await writeFleet({ pid: bystander.pid ?? 0, began: "long ago" });
  await assert.rejects(killOrigin("o1"), { code: "ORIGIN_NOT_FOUND" });
  assert.equal(bystander.exitCode ?? bystander.signalCode, null);
  bystander.kill();
  await once(bystander, "exit");
});

test("a name that two fleets use is not guessed", async () => {
  await writeFleet(me());
  await writeFleet(me());
  await assert.rejects(killOrigin("o1"), { code: "REQUEST_INVALID" });
});

test("what a dead fleet left behind is removed, and no live one with it", async () => {
  await writeFleet(me());
  await writeFleet(me(), { pid: process.pid, began: "an earlier process" });
  assert.equal((await findFleets()).length, 1);
  const [base = ""] = await readdir(runtime);
  assert.equal((await readdir(join(runtime, base))).length, 1);
});

test("a directory that others may write is not believed", async () => {
  await writeFleet(me());
  const [base = ""] = await readdir(runtime);
  await chmod(join(runtime, base), 0o777);
  await assert.rejects(findFleets(), /only this user/);
});
