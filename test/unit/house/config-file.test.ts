import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { SETTINGS } from "../../../src/config/settings.ts";
import { renderJsonSchema, renderYaml } from "../../../scripts/generate-config.ts";

const CONFIG = join(import.meta.dirname, "../../../config");
const FILE = join(CONFIG, "holdfast.yml");
const text = readFileSync(FILE, "utf8");
const folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("config/holdfast.yml equals the defaults", () => {
  const { config, sources, warnings } = loadConfig({ file: FILE, env: {} });
  assert.deepEqual(config, loadConfig({ env: {} }).config);
  assert.deepEqual(warnings, []);
  for (const { path, standard } of SETTINGS)
    assert.equal(sources.get(path) !== "default", standard !== undefined, `${path} stands in the file`);
});

test("config/holdfast.yml shows every setting: those without a default as a valid example", () => {
  const uncommented = join(folder, "all.yml");
  writeFileSync(uncommented, text.replaceAll(/^( *)# (\w+: \S.*)$/gm, "$1$2"));
  const { sources } = loadConfig({ file: uncommented, env: {} });
  assert.deepEqual(
    [...sources].filter(([, source]) => source === "default"),
    [],
  );
});

test("config/holdfast.yml and its schema are as the generator writes them", () => {
  const hint = "run `npm run generate` after changing the schema";
  assert.equal(text, renderYaml(), hint);
  assert.equal(readFileSync(join(CONFIG, "holdfast.schema.json"), "utf8"), renderJsonSchema(), hint);
});

test("every setting says what it means", () => {
  for (const { path, description } of SETTINGS) assert.ok(description.length > 10, path);
});
