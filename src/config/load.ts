import { HoldfastError } from "../domain/errors.ts";
import { FILE_VARIABLE, readEnvironment } from "./env-source.ts";
import { readFileSource } from "./file-source.ts";
import { fromText, problemAt } from "./given.ts";
import type { Given, Harvest } from "./given.ts";
import { maskUrl } from "./mask.ts";
import { configSchema, RULES } from "./schema.ts";
import type { Config } from "./schema.ts";
import { SETTINGS } from "./settings.ts";
import type { Setting } from "./settings.ts";

export interface LoadOptions {
  /** YAML file; else the one named by `HOLDFAST_CONFIG`; else none. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values by dotted path, such as `rtmp.port`; `undefined` counts as not given. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each setting came from, by dotted path: a place, or `default`. */
  readonly sources: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/**
 * Put the settings together: flags before environment before file before defaults. The result is frozen.
 *
 * @throws HoldfastError `CONFIG_INVALID`; `context.problems` holds one line for every problem there is, each with
 *         its place, the key, what is wrong and what is allowed, and never a secret
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const file = options.file ?? (options.env[FILE_VARIABLE] || undefined);
  const harvests = [
    ...(file === undefined ? [] : [readFileSource(file)]),
    readEnvironment(options.env),
    readFlags(options.flags ?? {}),
  ];
  const problems = harvests.flatMap((harvest) => harvest.problems);
  const given = new Map<string, Given>();
  const wrong = new Set<string>();
  for (const one of harvests.flatMap((harvest) => harvest.given)) {
    const found = check(one);
    problems.push(...found);
    if (found.length > 0) wrong.add(one.setting.path);
    given.set(one.setting.path, one);
  }
  const good = [...given.values()].filter(({ setting }) => !wrong.has(setting.path));
  problems.push(...checkRules(good, given, wrong));
  if (problems.length > 0) throw invalid(inFileOrder(problems, file));
  const sources = new Map(SETTINGS.map(({ path }) => [path, given.get(path)?.place ?? "default"]));
  const config = configSchema.parse(nest(good));
  const warnings = [...harvests.flatMap((harvest) => harvest.warnings), ...warn(given)];
  return { config: deepFreeze(config), sources, warnings };
}

function readFlags(flags: Readonly<Record<string, unknown>>): Harvest {
  const given: Given[] = [];
  const problems: string[] = [];
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const setting = SETTINGS.find((one) => one.path === path);
    if (setting === undefined) {
      problems.push(`${path} (flag): is not a setting`);
      continue;
    }
    const place = `${setting.flag} (flag)`;
    given.push({ setting, value: typeof value === "string" ? fromText(setting, value) : value, place });
  }
  return { given, problems, warnings: [] };
}

function check({ setting, value, place, items }: Given): string[] {
  const result = setting.schema.safeParse(value);
  if (result.success) return [];
  const seen = new Set<string>();
  for (const { path } of result.error.issues) {
    const index = typeof path[0] === "number" ? path[0] : undefined;
    const at = index === undefined ? place : (items?.[index] ?? place);
    const got = index === undefined || !Array.isArray(value) ? value : (value as unknown[])[index];
    const key = index === undefined ? setting.path : `${setting.path}[${index}]`;
    const allowed = index === undefined ? setting.allowed : "a text";
    seen.add(problemAt(at, key, `expected ${allowed}${describe(setting, got)}`));
  }
  return [...seen];
}

/** `, got …`, as far as it may be said. */
function describe(setting: Setting, value: unknown): string {
  if (setting.secret !== false) return "";
  if (typeof value === "string") {
    const short = value.length > 60 ? `${value.slice(0, 60)}…` : value;
    return `, got ${JSON.stringify(maskUrl(short))}`;
  }
  if (Array.isArray(value)) return ", got a list";
  return value !== null && typeof value === "object" ? ", got a section" : `, got ${String(value)}`;
}

/** Rules between settings, as far as the settings that they compare are valid themselves. */
function checkRules(
  good: readonly Given[],
  given: ReadonlyMap<string, Given>,
  wrong: ReadonlySet<string>,
): string[] {
  const result = configSchema.safeParse(nest(good));
  if (result.success) return [];
  const problems: string[] = [];
  for (const { path, message } of result.error.issues) {
    const key = path.join(".");
    const about = RULES.find((rule) => rule.about[0] === key && rule.message === message)?.about ?? [key];
    if (about.some((one) => wrong.has(one))) continue;
    const place = about.map((one) => given.get(one)?.place).find((one) => one !== undefined);
    problems.push(place === undefined ? `${key}: ${message}` : problemAt(place, key, message));
  }
  return problems;
}

function warn(given: ReadonlyMap<string, Given>): string[] {
  const warnings: string[] = [];
  for (const { setting, value, place } of given.values()) {
    const shows = setting.secret === true || (setting.secret === "url" && maskUrl(String(value)) !== value);
    if (shows && place.endsWith("(flag)")) {
      warnings.push(
        `${setting.flag} shows a secret in the list of processes; ${setting.variable} or ${setting.variable}_FILE do not`,
      );
    }
  }
  return warnings;
}

function nest(given: readonly Given[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { setting, value } of given) {
    const names = setting.path.split(".");
    const last = names.pop() ?? "";
    let section = root;
    for (const name of names) section = (section[name] ??= {}) as Record<string, unknown>;
    section[last] = value;
  }
  return root;
}

/** The problems of the file by line and column, then the others as they were found. */
function inFileOrder(problems: readonly string[], file: string | undefined): string[] {
  const position = (problem: string): number => {
    if (file === undefined || !problem.startsWith(`${file}:`)) return Infinity;
    const [line = 0, column = 0] = problem
      .slice(file.length + 1)
      .split(/[: ]/)
      .map(Number);
    return Number.isNaN(line) ? 0 : line * 1_000_000 + column;
  };
  const keyed = problems.map((problem) => ({ problem, at: position(problem) }));
  return keyed
    .toSorted((one, other) => (one.at === other.at ? 0 : one.at - other.at))
    .map(({ problem }) => problem);
}

function invalid(problems: readonly string[]): HoldfastError {
  const count = problems.length === 1 ? "one problem" : `${problems.length} problems`;
  const detail = `the configuration has ${count}:\n${problems.map((problem) => `  ${problem}`).join("\n")}`;
  return new HoldfastError("CONFIG_INVALID", { detail, problems });
}

function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== "object" || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
