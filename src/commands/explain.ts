import { Command } from "commander";
import { parseStreamKey } from "../domain/stream-key.ts";
import { explainStream } from "../fleet/explain.ts";
import { localTime, outputOption, print, printJson, table, type OutputOptions } from "./output.ts";
import { addRegistryOptions, withIngests, type RegistryOptions } from "./registry-access.ts";

const SHOWN = 20;

/** `holdfast explain`: why a stream is where it is. */
export function explainCommand(): Command {
  return addRegistryOptions(new Command("explain"))
    .summary("why a stream is where it is, and what happened before")
    .description("Why a stream is where it is (or nowhere), and what happened before.")
    .argument("<stream>", "app/stream, or //vhost/app/stream")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  holdfast explain live/cam1`,
    )
    .action(async (text: string, options: OutputOptions & RegistryOptions) => {
      const key = parseStreamKey(text);
      const explanation = await withIngests(options, (sources) => explainStream(sources, key));
      if (options.output === "json") return printJson(explanation);
      const { summary, reasons, ingest, history } = explanation;
      print([summary, ...reasons.map((reason) => `- ${reason}`)].join("\n"));
      if (ingest) print(`Next: ${ingest.next}`);
      if (history.length === 0) return;
      const rows = history
        .slice(-SHOWN)
        .map((event) => [localTime(event.at), event.fields["token"], event.text]);
      print(`\nWhat happened, oldest first:\n${table(["TIME", "TOKEN", "EVENT"], rows)}`);
    });
}
