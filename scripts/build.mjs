#!/usr/bin/env node
// Usage: node scripts/build.mjs [--if-stale]
//
// Compile src/ to dist/, which plain `node` runs: tsc, then the files that tsc does not copy (Lua scripts, console),
// then make the command executable. The old dist/ stays until the new one is complete.
//
//   --if-stale   only when something in src/ is newer than dist/
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ENTRY = "dist/cli.js";
const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h") || args.some((arg) => arg !== "--if-stale")) {
  console.log("Usage: node scripts/build.mjs [--if-stale]\n\nCompile src/ to dist/.");
  process.exit(args.includes("--help") || args.includes("-h") ? 0 : 2);
}

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
if (!(args.includes("--if-stale") && isFresh())) build();

function build() {
  const next = `dist.next-${process.pid}`;
  try {
    const tsc = spawnSync(
      join("node_modules", ".bin", "tsc"),
      ["-p", "tsconfig.build.json", "--outDir", next],
      {
        stdio: "inherit",
      },
    );
    if (tsc.error) console.error(`tsc did not start (${tsc.error.message}): run scripts/setup first`);
    if (tsc.status !== 0) {
      process.exitCode = 1;
      return;
    }
    for (const file of readdirSync("src", { recursive: true })) {
      if (![".ts", ""].includes(extname(file))) cpSync(join("src", file), join(next, file));
    }
    rmSync("dist", { recursive: true, force: true });
    renameSync(next, "dist");
    if (existsSync(ENTRY)) chmodSync(ENTRY, 0o755);
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

function isFresh() {
  if (!existsSync(ENTRY)) return false;
  const built = statSync(ENTRY).mtimeMs;
  const inputs = readdirSync("src", { recursive: true }).map((file) => join("src", file));
  // A folder's own time changes when a file in it is removed.
  return ["tsconfig.json", "tsconfig.build.json", "package-lock.json", "src", ...inputs].every(
    (file) => statSync(file).mtimeMs <= built,
  );
}
