import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface ListedProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly command: string;
}

/** The living processes whose command line contains `text`; zombies and the one that lists them are left out. */
export async function processesOf(text: string): Promise<ListedProcess[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,ppid=,pgid=,stat=,args="], { maxBuffer: 16 * 1_048_576 });
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    const [, pid, parent, group, state = "", command = ""] = match ?? [];
    if (!match || state.startsWith("Z") || !command.includes(text)) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), command }];
  });
}
