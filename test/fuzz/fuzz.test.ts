import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { TARGETS } from "./targets.ts";

const SCRIPT = join(import.meta.dirname, "../../scripts/fuzz");
const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 60);
const out = mkdtempSync(join(tmpdir(), "holdfast-findings-"));
after(() => rmSync(out, { recursive: true, force: true }));

/** Run scripts/fuzz. What it says is kept, and said on as it comes when `tell` is given. */
function fuzz(args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(SCRIPT, [...args], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, said }));
  });
}

test(`${SECONDS} seconds of fuzzing find nothing`, async (t) => {
  const seed = process.env["SEED"] ?? String(randomInt(2 ** 31));
  const { code, said } = await fuzz(["--seconds", `${SECONDS}`, "--seed", seed, "--out", out]);
  for (const line of said.trimEnd().split("\n")) t.diagnostic(line);
  // The inputs go with the folder: a finding of CI must be in what it prints.
  for (const name of readdirSync(out))
    t.diagnostic(`${name}: ${readFileSync(join(out, name)).toString("hex")}`);
  assert.equal(code, 0, said);
  for (const name of Object.keys(TARGETS))
    assert.match(said, new RegExp(`^${name}: [1-9]\\d* executions, `, "m"));
  assert.match(said, new RegExp(`^[1-9]\\d* executions, 0 findings, seed ${seed}$`, "m"));
});

test("a finding is written down with the command that replays it, and fails the run", async () => {
  const { code, said } = await fuzz([
    "--target",
    "planted-memory",
    "--seconds",
    "20",
    "--seed",
    "1",
    "--out",
    out,
  ]);
  assert.equal(code, 1, said);
  assert.match(said, /^FINDING in planted-memory after \d+ executions: memory at once$/m);
  const command = /replay: (scripts\/fuzz .*)$/m.exec(said)?.[1] ?? "";
  const replayed = await fuzz(command.split(" ").slice(1));
  assert.equal(replayed.code, 1, replayed.said);
  assert.match(replayed.said, /bytes taken at once for an input of 3/);
});

test("a replay of a harmless input tells what became of it", async () => {
  const file = join(out, "harmless.bin");
  writeFileSync(file, Buffer.from([0x05]));
  const { code, said } = await fuzz(["--target", "amf0", "--replay", file]);
  assert.deepEqual([code, said], [0, "nothing wrong: accepted\n"]);
});

test("wrong arguments are refused", () => {
  for (const args of [
    ["--target", "nobody"],
    ["--minutes", "x"],
    ["--seed", "-1"],
    ["--replay", "x"],
    ["--what"],
  ])
    assert.equal(spawnSync(SCRIPT, args).status, 2, args.join(" "));
});
