import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { hashOf } from "./engine/random.ts";
import { runTarget, type TargetReport } from "./engine/run-target.ts";
import { isKnown, isTarget, TARGETS } from "./targets.ts";

const ROOT = join(import.meta.dirname, "../..");
const MOST_SEED = 2 ** 31;

const OPTIONS = {
  minutes: { type: "string" },
  seconds: { type: "string" },
  seed: { type: "string" },
  target: { type: "string", multiple: true },
  corpus: { type: "string" },
  out: { type: "string", default: join(ROOT, ".cache/fuzz") },
  replay: { type: "string" },
  list: { type: "boolean" },
} as const;
type Options = ReturnType<typeof parse>;

const names = Object.keys(TARGETS);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
process.exitCode = await main();

function parse() {
  return parseArgs({ options: OPTIONS }).values;
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = parse();
  } catch (error) {
    return usage((error as Error).message);
  }
  if (options.replay !== undefined) return replay(options.replay, options);
  if (!options.list) return fuzz(options);
  for (const name of names) say(name);
  return 0;
}

/** Fuzz all chosen targets, one after another, each for its share of the time. Returns the exit code. */
async function fuzz(options: Options): Promise<number> {
  const chosen = options.target ?? names;
  for (const name of chosen) if (!isKnown(name)) return usage(`there is no target ${name}`);
  const seconds = options.seconds === undefined ? 60 * Number(options.minutes ?? 1) : Number(options.seconds);
  if (!(seconds > 0)) return usage("--minutes and --seconds take a number above 0");
  const seed = options.seed === undefined ? randomInt(MOST_SEED) : Number(options.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed >= MOST_SEED)
    return usage("--seed takes a number below 2^31");
  say(`seed ${seed}`);
  const shareOf = (name: string): number => (isTarget(name) ? TARGETS[name].share : 1);
  const shares = chosen.reduce((sum, name) => sum + shareOf(name), 0);
  let executions = 0;
  let findings = 0;
  for (const name of chosen) {
    const ms = (1_000 * seconds * shareOf(name)) / shares;
    const corpusFolder = options.corpus === undefined ? undefined : join(options.corpus, name);
    const report = await runTarget({ target: name, seed, ms, corpusFolder });
    sayReport(report, options.out);
    executions += report.loop?.executions ?? 0;
    findings += report.findings.length;
  }
  say(`${executions} executions, ${findings} findings, seed ${seed}`);
  return findings > 0 ? 1 : 0;
}

/** Try one file, on the sources as they are: the stack trace names their lines. */
async function replay(file: string, options: Options): Promise<number> {
  const [name = "", ...more] = options.target ?? [];
  if (more.length > 0 || !isKnown(name)) return usage("--replay wants --target NAME");
  let input: Buffer;
  try {
    input = readFileSync(file);
  } catch {
    return usage(`${file} cannot be read`);
  }
  const report = await runTarget({ target: name, seed: 1, replay: input, instrumented: false });
  for (const { text } of report.findings) say(text);
  if (report.findings.length === 0)
    say(`nothing wrong: ${Object.keys(report.loop?.outcomes ?? {}).join(", ")}`);
  return report.findings.length > 0 ? 1 : 0;
}

function sayReport({ name, loop, ms, findings }: TargetReport, folder: string): void {
  if (loop) {
    const { executions, branches, branchesInAll, corpus, outcomes } = loop;
    const rate = Math.round((1_000 * executions) / Math.max(1, ms));
    const outcome = Object.entries(outcomes).map(([what, count]) => `${what} ${count}`);
    const reached = branchesInAll > 0 ? `, ${branches} of ${branchesInAll} branches, corpus ${corpus}` : "";
    say(`${name}: ${executions} executions, ${rate}/s${reached}; ${outcome.join(", ")}`);
  } else say(`${name}: its thread was lost`);
  for (const { kind, text, input, executions } of findings) {
    mkdirSync(folder, { recursive: true });
    const file = join(
      folder,
      `${name}-${hashOf(Buffer.concat([Buffer.from(kind), input])).toString(16)}.bin`,
    );
    writeFileSync(file, input);
    say(`FINDING in ${name} after ${executions} executions: ${kind}\n${text}`);
    say(
      `${input.length} bytes; replay: scripts/fuzz --target ${name} --replay ${relative(process.cwd(), file)}`,
    );
  }
}

function usage(problem: string): number {
  process.stderr.write(`fuzz: ${problem}\nscripts/fuzz --help tells how it is used\n`);
  return 2;
}
