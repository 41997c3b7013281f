import { readdir, readFile } from "node:fs/promises";
import { platform } from "node:os";
// eslint-disable-next-line no-restricted-imports -- nothing else signals a group; no process state is read or changed
import { kill } from "node:process";
import { setTimeout as delay } from "node:timers/promises";

const LOOK_EVERY_MS = 10;
/** A zombie counts as a member until somebody reaps it: after so long it is worth to look closer. */
const LOOK_CLOSER_AFTER_MS = 50;

/** Signal every process of a group; nothing when it has none. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    kill(-group, signal);
  } catch {
    // ESRCH: gone. EPERM on macOS: only zombies are left.
  }
}

/** Resolves when no process of the group runs any more. A group that is not killed is waited for without end. */
export async function groupGone(group: number): Promise<void> {
  for (let waited = 0; hasMembers(group); waited += LOOK_EVERY_MS) {
    if (platform() === "linux" && waited >= LOOK_CLOSER_AFTER_MS && !(await hasLiving(group))) return;
    await delay(LOOK_EVERY_MS);
  }
}

function hasMembers(group: number): boolean {
  try {
    kill(-group, 0);
    return true;
  } catch (error) {
    // EPERM: on macOS only zombies are left; on Linux somebody who is not ours, such as a program behind sudo.
    return (error as NodeJS.ErrnoException).code === "EPERM" && platform() === "linux";
  }
}

/** Whether one of them is no zombie: where process 1 does not reap orphans, as in many containers, those stay. */
async function hasLiving(group: number): Promise<boolean> {
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const status = await readFile(`/proc/${entry}/stat`, "latin1").catch(() => "");
    // The name in parentheses may hold anything: pid (name) state ppid pgrp …
    const [state = "", , pgrp] = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (Number(pgrp) === group && state !== "Z" && state !== "X") return true;
  }
  return false;
}
