import { Command } from "commander";
import type { LookupReport } from "../domain/reports.ts";
import { card, outputOption, print, printJson, span, type OutputOptions } from "./output.ts";
import { addRegistryOptions, type RegistryOptions } from "./registry-access.ts";
import { lookUp } from "./streams.ts";

/** `holdfast lookup`: what an origin finds out when it is asked for a stream. */
export function lookupCommand(): Command {
  return addRegistryOptions(new Command("lookup"))
    .summary("who owns a stream, and what players get")
    .description("Who owns a stream now, and what a client gets that asks any origin for it.")
    .argument("<stream>", "app/stream, or //vhost/app/stream")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 3 when nobody owns it: an error says whether an ingest should bring it.

Examples:
  holdfast lookup live/cam1
  holdfast lookup live/cam1 -o json | jq -r .urls.rtmp`,
    )
    .action(async (text: string, options: OutputOptions & RegistryOptions) => {
      const report = await lookUp(text, options);
      if (options.output === "json") return printJson(report);
      print(
        card({
          Stream: report.stream,
          Owner: `${report.origin} (epoch ${report.epoch}, ${report.owner.state})`,
          Token: report.token,
          "Time left": `${span(report.timeLeftMs)} of the owner's session, renewed all the time`,
          "Public RTMP": report.owner.rtmp,
          "Public HTTP": report.owner.http,
          "Inside the fleet": report.owner.relay,
        }),
      );
      print(`\nWhat a client gets from any origin (play.remote: auto):\n${card(answers(report))}`);
    });
}

/** The rules are in domain/route. */
function answers({ origin, owner, urls }: LookupReport): Record<string, string> {
  return {
    [`  at ${origin}`]: "the stream itself",
    "  elsewhere, RTMP": `the stream, relayed from ${origin} (${owner.relay})`,
    "  elsewhere, SRS edge": urls.rtmp === "" ? "the stream, relayed" : `302 to ${urls.rtmp}`,
    "  elsewhere, HTTP-FLV": urls.httpFlv === "" ? "the stream, relayed" : `302 to ${urls.httpFlv}`,
    "  elsewhere, WS-FLV": "the stream, relayed",
  };
}
