import { Command, CommanderError } from "commander";
import { asHoldfastError } from "../domain/errors.ts";
import { configCommand } from "./config.ts";
import { eventsCommand } from "./events.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { explainCommand } from "./explain.ts";
import { fleetCommand } from "./fleet.ts";
import { ingestsCommand } from "./ingests.ts";
import { lookupCommand } from "./lookup.ts";
import { originsCommand } from "./origins.ts";
import { say } from "./output.ts";
import { serveCommand } from "./serve.ts";
import { streamsCommand } from "./streams.ts";
import { packageVersion } from "./version.ts";

/** The `holdfast` command. */
export function createProgram(): Command {
  const program = new Command("holdfast")
    .description("A fleet of live-streaming origins: publish anywhere, play anywhere, ownership in Redis.")
    .version(packageVersion(), "-V, --version")
    .showHelpAfterError("(add --help for help)")
    .addHelpText(
      "after",
      `
First steps:
  holdfast fleet --publish-test       three origins, a Redis and a test picture on this machine
  holdfast streams ls                 in a second terminal: what is live
  holdfast explain live/test          why it is where it is
  holdfast fleet --kill o1            see the failover

One origin:
  holdfast serve                      alone, without Redis
  holdfast serve --config holdfast.yml --redis-url redis://redis:6379

Data goes to stdout, everything else to stderr.
Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 not found, 4 registry unreachable.`,
    );
  const commands = [
    serveCommand(),
    fleetCommand(),
    streamsCommand(),
    originsCommand(),
    ingestsCommand(),
    lookupCommand(),
    explainCommand(),
    eventsCommand(),
    configCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  prepare(program);
  return program;
}

/** Run one command line. Returns the exit code; says what went wrong in one place. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) {
      const error = asHoldfastError(thrown, "INTERNAL");
      say(`holdfast: ${error.message} (${error.code})`);
      if (error.code === "INTERNAL" && thrown instanceof Error && thrown !== error) say(thrown.stack ?? "");
    }
    return exitCodeOf(thrown);
  }
}

/** Commands that were made apart inherit nothing: give them what all have. */
function prepare(command: Command): void {
  command.exitOverride().showSuggestionAfterError(true);
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    prepare(child);
  }
}
