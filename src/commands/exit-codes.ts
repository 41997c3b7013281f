import { CommanderError } from "commander";
import { asHoldfastError, type ErrorCode, type HoldfastError } from "../domain/errors.ts";

/** What `holdfast` returns to the shell. Listed in `holdfast --help`. */
export const EXIT = Object.freeze({ ok: 0, failed: 1, usage: 2, notFound: 3, registryUnreachable: 4 });

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  REQUEST_INVALID: EXIT.usage,
  STREAM_NAME_INVALID: EXIT.usage,
  INGEST_INVALID: EXIT.usage,
  STREAM_NOT_FOUND: EXIT.notFound,
  ORIGIN_NOT_FOUND: EXIT.notFound,
  INGEST_NOT_FOUND: EXIT.notFound,
  NOT_FOUND: EXIT.notFound,
  REGISTRY_UNAVAILABLE: EXIT.registryUnreachable,
  REGISTRY_REFUSED: EXIT.registryUnreachable,
};

/** The exit code for what a command threw. Help and version are thrown too, by Commander, and are no failure. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const error = asHoldfastError(thrown, "INTERNAL");
  if (error.code === "CONFIG_INVALID") return isFlagProblem(error) ? EXIT.usage : EXIT.failed;
  return BY_CODE[error.code] ?? EXIT.failed;
}

/** A flag with a wrong value is wrong usage, a wrong file is not. Problems begin with the place, `--name (flag)`. */
function isFlagProblem({ context }: HoldfastError): boolean {
  const { problems } = context;
  return Array.isArray(problems) && problems.some((problem) => /^\S+ \(flag\)/.test(String(problem)));
}
