#!/usr/bin/env -S node --initial-old-space-size=128
import { runProgram } from "./commands/program.ts";

// `holdfast events | head -1`: whoever reads has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const code = await runProgram(process.argv);
if (code !== 0) process.exitCode = code;
