import { HoldfastError } from "../domain/errors.ts";
import { check, keyOf, placeOf } from "./check-value.ts";
import { FILE_VARIABLE, readEnvironment } from "./env-source.ts";
import { readFileSource } from "./file-source.ts";
import { fromText, problemAt } from "./given.ts";
import type { Given, Harvest } from "./given.ts";
import { maskValue } from "./mask.ts";
import { configSchema, RULES } from "./schema.ts";
import type { Config } from "./schema.ts";
import { SETTINGS } from "./settings.ts";

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
    const rule = RULES.find((one) => one.message === message && isWithin(path, one.about[0]));
    const about = rule?.about ?? [path.join(".")];
    if (about.some((one) => wrong.has(one))) continue;
    const key = keyOf(path);
    const place = about.flatMap((one) => given.get(one) ?? []).map((one) => placeWithin(one, path))[0];
    problems.push(place === undefined ? `${key}: ${message}` : problemAt(place, key, message));
  }
  return problems;
}

function isWithin(path: readonly PropertyKey[], setting: string): boolean {
  return setting === path.slice(0, setting.split(".").length).join(".");
}

function placeWithin(one: Given, path: readonly PropertyKey[]): string {
  return isWithin(path, one.setting.path)
    ? placeOf(one, path.slice(one.setting.path.split(".").length))
    : one.place;
}

function warn(given: ReadonlyMap<string, Given>): string[] {
  const warnings: string[] = [];
  for (const { setting, value, place } of given.values()) {
    const shows =
      setting.secret === true || JSON.stringify(maskValue(setting, value)) !== JSON.stringify(value);
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
