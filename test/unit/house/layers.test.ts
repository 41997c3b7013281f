import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");

interface Plant {
  readonly file: string;
  readonly text: string;
  /** The rule that must refuse it; none for what is allowed. */
  readonly rule?: string;
}

const imports = (from: string, what = "it") =>
  `import { ${what} } from "${from}";\nexport const use = ${what};\n`;
const long = (lines: number) => `export const lines = [\n${'  "one",\n'.repeat(lines - 2)}];\n`;
const IMPORTS = "eslint(no-restricted-imports)";
const GLOBALS = "eslint(no-restricted-globals)";
const PROPERTIES = "eslint(no-restricted-properties)";

const PLANTS: readonly Plant[] = [
  { file: "src/domain/uses-fleet.ts", text: imports("../fleet/it.ts"), rule: IMPORTS },
  { file: "src/domain/ports/uses-registry.ts", text: imports("../../registry/it.ts"), rule: IMPORTS },
  { file: "src/domain/uses-config.ts", text: imports("../config/it.ts"), rule: IMPORTS },
  { file: "src/domain/uses-type.ts", text: 'export type { It } from "../fleet/it.ts";\n', rule: IMPORTS },
  { file: "src/domain/uses-package.ts", text: imports("zod", "z"), rule: IMPORTS },
  { file: "src/domain/uses-node.ts", text: imports("node:fs", "readFileSync"), rule: IMPORTS },
  { file: "src/domain/uses-origin.ts", text: imports("../origin.ts"), rule: IMPORTS },
  { file: "src/domain/uses-clock.ts", text: "export const now = Date.now();\n", rule: PROPERTIES },
  { file: "src/domain/uses-performance.ts", text: "export const now = performance.now();\n", rule: GLOBALS },
  { file: "src/domain/uses-timer.ts", text: "setTimeout(() => undefined, 1);\n", rule: GLOBALS },
  { file: "src/domain/uses-process.ts", text: "export const id = process.pid;\n", rule: GLOBALS },
  { file: "src/fleet/uses-registry.ts", text: imports("../registry/it.ts"), rule: IMPORTS },
  { file: "src/fleet/uses-media.ts", text: imports("../media/rtmp/it.ts"), rule: IMPORTS },
  { file: "src/fleet/uses-http.ts", text: imports("../http/it.ts"), rule: IMPORTS },
  { file: "src/fleet/uses-config.ts", text: imports("../config/it.ts"), rule: IMPORTS },
  { file: "src/fleet/uses-sockets.ts", text: imports("node:net", "connect"), rule: IMPORTS },
  { file: "src/fleet/uses-redis.ts", text: imports("ioredis", "Redis"), rule: IMPORTS },
  { file: "src/fleet/uses-pino.ts", text: imports("pino", "pino"), rule: IMPORTS },
  { file: "src/fleet/uses-timer.ts", text: "setInterval(() => undefined, 1);\n", rule: GLOBALS },
  { file: "src/fleet/uses-clock.ts", text: "export const now = Date.now();\n", rule: PROPERTIES },
  { file: "src/registry/uses-media.ts", text: imports("../media/it.ts"), rule: IMPORTS },
  { file: "src/registry/uses-process.ts", text: imports("node:process", "pid"), rule: IMPORTS },
  { file: "src/media/uses-registry.ts", text: imports("../registry/it.ts"), rule: IMPORTS },
  { file: "src/media/rtmp/uses-http.ts", text: imports("../../http/it.ts"), rule: IMPORTS },
  { file: "src/media/flv/uses-redis.ts", text: imports("ioredis", "Redis"), rule: IMPORTS },
  { file: "src/http/uses-media.ts", text: imports("../media/flv/it.ts"), rule: IMPORTS },
  { file: "src/http/uses-registry.ts", text: imports("../registry/it.ts"), rule: IMPORTS },
  { file: "src/http/uses-origin.ts", text: imports("../origin.ts"), rule: IMPORTS },
  { file: "src/http/uses-process.ts", text: "export const env = process.env;\n", rule: GLOBALS },
  { file: "src/config/uses-fleet.ts", text: imports("../fleet/it.ts"), rule: IMPORTS },
  { file: "src/ops/uses-media.ts", text: imports("../media/it.ts"), rule: IMPORTS },
  { file: "src/commands/uses-media.ts", text: imports("../media/it.ts"), rule: IMPORTS },
  { file: "src/commands/uses-http.ts", text: imports("../http/it.ts"), rule: IMPORTS },
  {
    file: "src/media/floats.ts",
    text: "const go = async () => {};\nexport const run = () => {\n  go();\n};\n",
    rule: "typescript(no-floating-promises)",
  },
  { file: "src/media/any.ts", text: "export const loose: any = 1;\n", rule: "typescript(no-explicit-any)" },
  { file: "src/media/too-long.ts", text: long(251), rule: "eslint(max-lines)" },
  { file: "src/media/NotKebab.ts", text: "export const it = 1;\n", rule: "unicorn(filename-case)" },
  { file: "src/media/barrel.ts", text: 'export * from "./it.ts";\n', rule: "oxc(no-barrel-file)" },
  { file: "src/media/ring-a.ts", text: imports("./ring-b.ts"), rule: "import(no-cycle)" },
  {
    file: "src/media/ring-b.ts",
    text: 'import { use } from "./ring-a.ts";\nexport const it = 1;\nexport const me = use;\n',
    rule: "import(no-cycle)",
  },

  { file: "src/domain/it.ts", text: "export const it = 1;\n" },
  { file: "src/domain/ports/may-use-domain.ts", text: imports("../it.ts") },
  { file: "src/fleet/it.ts", text: imports("../domain/it.ts") },
  {
    file: "src/fleet/may-use-pino-type.ts",
    text: 'import type { Logger } from "pino";\nexport type Log = Logger;\n',
  },
  { file: "src/fleet/may-use-hmac.ts", text: imports("node:crypto", "createHmac") },
  { file: "src/registry/it.ts", text: 'import { use } from "../fleet/it.ts";\nexport const it = use;\n' },
  { file: "src/media/it.ts", text: imports("../config/it.ts") },
  {
    file: "src/config/it.ts",
    text: 'import { it as one } from "../domain/it.ts";\nexport const it = one;\n',
  },
  { file: "src/media/long-enough.ts", text: long(250) },
  {
    file: "src/origin.ts",
    text: 'import { use } from "./media/it.ts";\nimport { it } from "./registry/it.ts";\nexport const all = [use, it];\n',
  },
  {
    file: "src/commands/may-use-process.ts",
    text: `${imports("../registry/it.ts")}export const id = process.pid;\n`,
  },
];

const folder = mkdtempSync(join(tmpdir(), "holdfast-lint-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let found: Map<string, Set<string>>;

before(async () => {
  for (const name of [".oxlintrc.json", "tsconfig.json", "package.json", "scripts/lint"])
    cpSync(join(ROOT, name), join(folder, name));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const { file, text } of PLANTS) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  found = await lint();
});

for (const { file, rule } of PLANTS) {
  test(`the linter ${rule === undefined ? "accepts" : "refuses"} ${file}`, () => {
    const rules = [...(found.get(file) ?? [])];
    assert.ok(rule === undefined ? rules.length === 0 : rules.includes(rule), `found: ${rules.join(", ")}`);
  });
}

/** The rules that each file broke. */
async function lint(): Promise<Map<string, Set<string>>> {
  const output = await new Promise<string>((resolve, reject) => {
    execFile(
      join(folder, "scripts/lint"),
      ["-f", "json", "src"],
      { maxBuffer: 32 * 1_048_576, timeout: 120_000 },
      (error, stdout, stderr) => {
        if (error?.code === 1) resolve(stdout);
        else reject(new Error(`the linter did not run (${error?.code ?? "found nothing"}): ${stderr}`));
      },
    );
  });
  const { diagnostics } = JSON.parse(output.slice(output.indexOf("{"))) as {
    diagnostics: { code: string; filename: string }[];
  };
  const byFile = new Map<string, Set<string>>();
  for (const { code, filename } of diagnostics)
    byFile.set(filename, (byFile.get(filename) ?? new Set()).add(code));
  return byFile;
}
