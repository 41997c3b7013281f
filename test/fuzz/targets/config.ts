import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { loadConfig } from "../../../src/config/load.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { SETTINGS } from "../../../src/config/settings.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { regressions } from "../seeds.ts";

const ROOT = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "holdfast-fuzz-"));
const file = join(folder, "holdfast.yml");
/** The secret that the environment always holds: it must not turn up in any complaint. */
const SECRET = "fuzzed-secret-not-to-be-told";

/** The file's text, then `NAME=value` of the environment, NUL between them. */
function run(input: Buffer): void {
  const [, ...variables] = input.toString().split("\0");
  const end = input.indexOf(0);
  // The file as bytes: it may be no text at all.
  writeFileSync(file, end < 0 ? input : input.subarray(0, end));
  const env: Record<string, string> = { HOLDFAST_API__TOKEN: SECRET };
  for (const variable of variables.slice(0, 16)) {
    const cut = variable.indexOf("=");
    const name = cut < 0 ? variable : variable.slice(0, cut);
    // A file of its own choice could be any device of this machine.
    if (name.endsWith("_FILE") || name === "HOLDFAST_CONFIG") env[name] = file;
    else env[name] = cut < 0 ? "" : variable.slice(cut + 1);
  }
  try {
    const { config, sources } = loadConfig({ file, env });
    must(Object.isFrozen(config) && Object.isFrozen(config.limits), "a configuration can be changed");
    must(configSchema.safeParse({}).success, "the defaults are not valid");
    must(sources.size === SETTINGS.length, "a setting has no source");
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "CONFIG_INVALID") throw error;
    const { problems } = error.context as { problems: readonly string[] };
    must(Array.isArray(problems) && problems.length > 0, "it fails without a problem");
    for (const problem of problems) {
      must(problem.length < 1_000 + input.length, "a problem is endless");
      must(!problem.includes(SECRET), "a problem tells a secret");
    }
    throw error;
  }
}

const scalar = fc.oneof(
  fc.constantFrom(
    "",
    "~",
    "null",
    "true",
    "5s",
    "16MB",
    "0",
    "-1",
    "1e9",
    "65536",
    '"x"',
    "[a, b]",
    "{a: 1}",
    "*a",
    "&a 1",
    "|\n  text",
    ".inf",
    "0x10",
    "2026-01-01",
    "!!binary aGk=",
    "<<",
  ),
  fc.string({ maxLength: 10 }),
);
const sections = [...new Set(SETTINGS.map(({ path }) => path.split(".")[0] as string))];
const line = fc.tuple(fc.constantFrom(...SETTINGS), scalar).map(([{ path }, value]) => {
  const [section = "", name] = path.split(".");
  return name === undefined ? `${section}: ${value}` : `${section}:\n  ${name}: ${value}`;
});
const yaml = fc
  .array(
    fc.oneof(
      line,
      scalar.map((value) => `key: ${value}`),
    ),
    { maxLength: 5 },
  )
  .map((all) => all.join("\n"));
const variable = fc
  .tuple(fc.constantFrom(...SETTINGS), scalar)
  .map(([one, value]) => `${one.variable}=${value}`);

export const target: FuzzTarget = {
  name: "config",
  codes: ["CONFIG_INVALID"],
  structure: fc
    .tuple(yaml, fc.array(variable, { maxLength: 3 }))
    .map(([text, env]) => Buffer.from([text, ...env].join("\0"))),
  seeds: [
    readFileSync(join(ROOT, "config/holdfast.yml")),
    Buffer.from(
      "name: o1\nredis:\n  url: redis://h\ncluster:\n  key: 0123456789abcdef\nlimits:\n  connections: 5\n",
    ),
    Buffer.from(
      "x: &a [1, 2]\nvhosts: *a\nrtmp: {port: 1935}\n\0HOLDFAST_RTMP__PORT=99999\0HOLDFAST_RTMP__PROT=1",
    ),
    ...regressions("config"),
  ],
  words: [
    ...sections,
    ...SETTINGS.map(({ path }) => path.slice(path.indexOf(".") + 1)),
    ": ",
    "\n  ",
    "\0",
    "&a ",
    "*a",
    "<<: *a",
    "? ",
    "- ",
    "|",
    ">",
    "%YAML 1.2\n---\n",
    "!!map ",
    "{",
    "[",
    "\t",
    "#",
    "_FILE=",
  ],
  mostBytes: 16_384,
  mostSteps: (bytes) => 2_000_000 + 20_000 * bytes,
  mostMemory: (bytes) => ({ largest: 1 << 20, total: (8 << 20) + 256 * bytes }),
  run,
  close: () => rmSync(folder, { recursive: true, force: true }),
};
