import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { printTable, verdictRows, type Findings } from "./report.ts";
import { coreBusySeconds } from "./proc.ts";
import { root, sleep } from "./tools.ts";

/** Where and when something was measured. */
export interface Machine {
  readonly date: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly commit: string;
  /** Share of all cores that others had just before it began, 0 to 1. */
  readonly busyBefore: number;
}

/** A benchmark's result, as `--out` writes it. */
export interface Result extends Findings {
  readonly name: string;
  readonly command: string;
  readonly quick: boolean;
  readonly machine: Machine;
}

/** A number that the command line may change: its usual value, and that of `--quick`. */
export interface NumberFlag {
  readonly usual: number;
  readonly quick: number;
  readonly help: string;
}

export interface Bench<Numbers extends string, Texts extends string, Switches extends string> {
  readonly name: string;
  readonly about: string;
  readonly numbers: Readonly<Record<Numbers, NumberFlag>>;
  /** Text flags with their help. */
  readonly texts?: Readonly<Record<Texts, { readonly usual?: string; readonly help: string }>>;
  readonly switches?: Readonly<Record<Switches, string>>;
  /** A broken bound ends with 1 even without `--check`. */
  readonly strict?: boolean;
  measure(flags: Flags<Numbers, Texts, Switches>): Promise<Findings>;
}

export type Flags<Numbers extends string, Texts extends string, Switches extends string> = Readonly<
  Record<Numbers, number> & Record<Texts, string | undefined> & Record<Switches, boolean> & { quick: boolean }
>;

/** A machine of which others have more than this is no place for absolute figures. */
const BUSY = 0.05;

const COMMON = {
  quick: "small numbers, to see that everything works; says nothing of speed",
  json: "print JSON instead of tables",
  check: "exit with 1 when a budget is broken",
  help: "this text",
};

/** Run a benchmark as a program: flags, tables or JSON, verdicts, exit code. */
export async function runBench<
  Numbers extends string,
  Texts extends string = never,
  Switches extends string = never,
>(bench: Bench<Numbers, Texts, Switches>, args: readonly string[] = process.argv.slice(2)): Promise<void> {
  const values = readFlags(bench, args);
  if (values === undefined || values["help"] === true) {
    (values ? process.stdout : process.stderr).write(usage(bench));
    process.exitCode = values ? 0 : 2;
    return;
  }
  const flags = flagsOf(bench, values);
  const machine = await describeMachine();
  const findings = await bench.measure(flags);
  const command = [`scripts/bench/${bench.name}`, ...spoken(args)].join(" ");
  const result: Result = { name: bench.name, command, quick: flags.quick, machine, ...findings };
  const json = `${JSON.stringify(result, undefined, 2)}\n`;
  if (typeof values["out"] === "string") {
    mkdirSync(dirname(values["out"]), { recursive: true });
    writeFileSync(values["out"], json);
  }
  if (values["json"] === true) process.stdout.write(json);
  else print(result);
  const broken = findings.verdicts.some(({ ok }) => !ok);
  if (broken && (bench.strict || values["check"] === true)) process.exitCode = 1;
}

function print({ tables, verdicts, quick, machine }: Result): void {
  for (const { title, rows } of tables) printTable(title, rows);
  if (verdicts.length > 0) printTable("Budgets and bounds", verdictRows(verdicts));
  if (quick) process.stdout.write("A quick run: the numbers say nothing of speed.\n");
  if (machine.busyBefore > BUSY)
    process.stdout.write(
      `Others had ${(machine.busyBefore * 100).toFixed(0)} % of the machine when it began: trust ratios at most.\n`,
    );
}

type Values = Record<string, string | boolean | undefined>;

function readFlags(bench: Bench<string, string, string>, args: readonly string[]): Values | undefined {
  const text = [...Object.keys(bench.numbers), ...Object.keys(bench.texts ?? {}), "out"];
  const switches = [...Object.keys(bench.switches ?? {}), ...Object.keys(COMMON)];
  const options = Object.fromEntries([
    ...text.map((name) => [name, { type: "string" }] as const),
    ...switches.map(
      (name) => [name, name === "help" ? { type: "boolean", short: "h" } : { type: "boolean" }] as const,
    ),
  ]);
  try {
    const values = parseArgs({ args: [...args], options }).values as Values;
    for (const name of Object.keys(bench.numbers))
      if (values[name] !== undefined && !(Number(values[name]) > 0))
        throw new Error(`--${name} wants a number`);
    return values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return undefined;
  }
}

function flagsOf<Numbers extends string, Texts extends string, Switches extends string>(
  bench: Bench<Numbers, Texts, Switches>,
  values: Values,
): Flags<Numbers, Texts, Switches> {
  const quick = values["quick"] === true;
  const numbers = Object.entries<NumberFlag>(bench.numbers).map(([name, flag]) => [
    name,
    Number(values[name] ?? (quick ? flag.quick : flag.usual)),
  ]);
  const texts = Object.entries<{ usual?: string }>(bench.texts ?? {}).map(([name, { usual }]) => [
    name,
    values[name] ?? usual,
  ]);
  const switches = Object.keys(bench.switches ?? {}).map((name) => [name, values[name] === true]);
  return Object.fromEntries([...numbers, ...texts, ...switches, ["quick", quick]]) as Flags<
    Numbers,
    Texts,
    Switches
  >;
}

function usage(bench: Bench<string, string, string>): string {
  const lines = [
    ...Object.entries(bench.numbers).map(([name, { usual, help }]) => [`--${name} ${usual}`, help]),
    ...Object.entries(bench.texts ?? {}).map(([name, { usual, help }]) => [
      `--${name} ${usual ?? "…"}`,
      help,
    ]),
    ["--out FILE", "write the result as JSON there, too"],
    ...Object.entries({ ...bench.switches, ...COMMON }).map(([name, help]) => [`--${name}`, help]),
  ] as [string, string][];
  const width = Math.max(...lines.map(([flag]) => flag.length));
  const text = lines.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`).join("\n");
  return `usage: scripts/bench/${bench.name} [flags]: ${bench.about}\n${text}\n`;
}

/** The flags that matter for repeating it. */
function spoken(args: readonly string[]): string[] {
  return args.filter((arg, index) => {
    const before = args[index - 1];
    return !["--json", "--check", "--out"].includes(arg) && !arg.startsWith("--out=") && before !== "--out";
  });
}

async function describeMachine(): Promise<Machine> {
  return {
    date: new Date().toISOString().slice(0, 10),
    kernel: `Linux ${release().split("-")[0]}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    node: process.version,
    commit: commit(),
    busyBefore: await busyShare(),
  };
}

async function busyShare(): Promise<number> {
  const busy = () => cpus().reduce((sum, _, core) => sum + coreBusySeconds(core), 0);
  const [began, before] = [performance.now(), busy()];
  await sleep(1_000);
  return (busy() - before) / ((performance.now() - began) / 1_000) / cpus().length;
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
    return (
      git("rev-parse", "--short", "HEAD") +
      (git("status", "--porcelain", "src") === "" ? "" : " with changes")
    );
  } catch {
    return "unknown";
  }
}
