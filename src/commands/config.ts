import { Command } from "commander";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { maskValue } from "../config/mask.ts";
import { SETTINGS, type Setting } from "../config/settings.ts";
import { formatDuration, formatSize } from "../config/units.ts";
import { HoldfastError } from "../domain/errors.ts";
import { EXIT } from "./exit-codes.ts";
import { outputOption, table, type OutputOptions } from "./output.ts";

/** What these commands need of the process. */
export interface ConfigIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Data, one text at a time, without the newline at its end. */
  readonly print: (text: string) => void;
  readonly exit: (code: number) => void;
}

const processIo: ConfigIo = {
  env: process.env,
  print: (text) => void process.stdout.write(`${text}\n`),
  exit: (code) => (process.exitCode = code),
};

/** `holdfast config check` and `holdfast config show`. */
export function configCommand(io: ConfigIo = processIo): Command {
  const config = new Command("config").description("check the settings, or show where each comes from");
  config
    .command("check")
    .description("say whether the settings are valid; exit code 1 and every problem if not")
    .argument("[file]", "settings file (or HOLDFAST_CONFIG; the environment alone without either)")
    .addOption(outputOption())
    .action((file: string | undefined, { output }: OutputOptions) => check(io, file, output === "json"));
  config
    .command("show")
    .description("the effective settings and where each comes from; secrets are masked")
    .argument("[file]", "settings file (or HOLDFAST_CONFIG; the environment alone without either)")
    .addOption(outputOption())
    .action((file: string | undefined, { output }: OutputOptions) => show(io, file, output === "json"));
  return config;
}

function check(io: ConfigIo, file: string | undefined, json: boolean): void {
  const { problems, warnings } = examine(io, file);
  const valid = problems.length === 0;
  if (json) io.print(JSON.stringify({ valid, problems, warnings }, undefined, 2));
  else {
    for (const problem of problems) io.print(problem);
    for (const warning of warnings) io.print(`warning: ${warning}`);
    if (valid) io.print("the settings are valid");
  }
  if (!valid) io.exit(EXIT.failed);
}

function examine(
  io: ConfigIo,
  file: string | undefined,
): { problems: string[]; warnings: readonly string[] } {
  try {
    return { problems: [], warnings: loadConfig({ file, env: io.env }).warnings };
  } catch (error) {
    const problems = error instanceof HoldfastError ? error.context["problems"] : undefined;
    if (!Array.isArray(problems)) throw error;
    return { problems: problems.map(String), warnings: [] };
  }
}

/** @throws HoldfastError `CONFIG_INVALID` */
function show(io: ConfigIo, file: string | undefined, json: boolean): void {
  const loaded = loadConfig({ file, env: io.env });
  const rows = SETTINGS.map((setting) => ({
    setting: setting.path,
    value: maskValue(setting, written(setting, loaded)),
    source: loaded.sources.get(setting.path) ?? "default",
  }));
  if (json) io.print(JSON.stringify(rows, undefined, 2));
  else {
    const cells = rows.map(({ setting, value, source }) => [setting, cell(setting, value), source]);
    io.print(table(["SETTING", "VALUE", "SOURCE"], cells));
  }
}

/** The effective value as one would write it into the file. */
function written(setting: Setting, { config }: LoadedConfig): unknown {
  const value = setting.path
    .split(".")
    .reduce<unknown>((section, name) => (section as Record<string, unknown>)[name], config);
  if (typeof value !== "number") return value;
  if (setting.kind === "duration") return formatDuration(value);
  return setting.kind === "size" ? formatSize(value) : value;
}

/** Of sections only what each is called: the whole of them is for JSON. */
function cell(path: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const [name] = SETTINGS.find((setting) => setting.path === path)?.item?.settings ?? [];
  const words = name ? value.map((one) => (one as Record<string, unknown>)[name.path]) : value;
  return words.join(", ");
}
