// Write docs/redis-keys.md from the table in src/registry/keys.ts.
//
// Usage: node --import tsx scripts/keys-doc.ts [--check]
//   --check  write nothing; exit with 1 when the page does not say what the table says
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { renderKeys } from "./render-keys.ts";

const page = fileURLToPath(new URL("../docs/redis-keys.md", import.meta.url));
const args = process.argv.slice(2);
if (args.some((arg) => arg !== "--check")) {
  console.error("Usage: node --import tsx scripts/keys-doc.ts [--check]");
  process.exit(2);
}
const text = await format(renderKeys(), { parser: "markdown", printWidth: 110 });
if (!args.includes("--check")) writeFileSync(page, text);
else if (readFileSync(page, "utf8") !== text) {
  console.error("docs/redis-keys.md is not up to date: run node --import tsx scripts/keys-doc.ts");
  process.exit(1);
}
