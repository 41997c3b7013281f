import { Command } from "commander";
import { addCommand, removeCommand } from "./ingests/define.ts";
import { listCommand, showCommand } from "./ingests/show.ts";
import { moveCommand, pauseCommand, resumeCommand } from "./ingests/wish.ts";

/** `holdfast ingests`: the sources that the fleet pulls. */
export function ingestsCommand(): Command {
  return new Command("ingests")
    .summary("the sources that the fleet pulls: list, show, define, pause, move")
    .description(
      "The sources that the fleet pulls, each by one origin at a time. Read from the registry and written there: works " +
        "with every origin down. Origins hear of a change within a second.",
    )
    .addHelpText(
      "after",
      `
URLs are shown without user, password and the values of their query, and of a command line only the program, unless
--secrets is given.

Examples:
  holdfast ingests add live/cam01 rtsp://cam01/stream1
  holdfast ingests add live/cam02 rtmp://src/app/x --capture-at s01 --overlap --fallback http://backup/x.flv
  holdfast ingests ls --state retrying
  holdfast ingests move live/cam01 s02
  holdfast explain live/cam01`,
    )
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(addCommand())
    .addCommand(removeCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(moveCommand());
}
