// Usage: node scripts/lib/is-installed.mjs
//
// Exit code 0 when node_modules holds what package-lock.json says, else 1. npm writes what it has installed into
// node_modules/.package-lock.json as the last thing.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

try {
  const wanted = packagesIn("package-lock.json");
  const present = packagesIn("node_modules/.package-lock.json");
  const complete = Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === "") return true;
    const installed = present[path];
    // Packages for other platforms are in the lock, and are never installed.
    return installed === undefined ? optional === true : installed.version === version;
  });
  process.exitCode = complete ? 0 : 1;
} catch {
  process.exitCode = 1;
}

function packagesIn(file) {
  return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
}
