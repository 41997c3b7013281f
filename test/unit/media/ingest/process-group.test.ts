import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { groupGone, signalGroup } from "../../../../src/media/ingest/process-group.ts";
import { waitFor } from "../../../support/wait.ts";

test("a group is gone when its last process is, not when its leader is", async (t) => {
  const leader = spawn("sh", ["-c", "sleep 60 & echo $!"], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const group = leader.pid as number;
  t.after(() => signalGroup(group, "SIGKILL"));
  let exited = false;
  leader.once("exit", () => (exited = true));
  let gone = false;
  const all = groupGone(group).then(() => (gone = true));
  await waitFor(() => exited, { within: 20_000 });
  const began = performance.now();
  await waitFor(() => performance.now() - began > 150);
  assert.equal(gone, false);
  signalGroup(group, "SIGKILL");
  await all;
});

test("a signal to a group that is gone does nothing", async () => {
  const leader = spawn("true", { detached: true, stdio: "ignore" });
  const group = leader.pid as number;
  await new Promise((resolve) => leader.once("exit", resolve));
  await groupGone(group);
  signalGroup(group, "SIGKILL");
});
