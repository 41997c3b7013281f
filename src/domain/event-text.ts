import type { RegistryEvent } from "./ports/registry.ts";

/** What an event means, as one sentence. Types from a later version are shown with their fields. */
export function describeEvent({ type, fields }: Pick<RegistryEvent, "type" | "fields">): string {
  const { stream = "", origin = "", previous = "", publisher = "", reason = "", kind = "", by = "" } = fields;
  const from = publisher === "" ? "" : ` from ${publisher}`;
  switch (type) {
    case "registered":
      return `${origin} registered${because(reason)}`;
    case "left":
      return `${origin} left the fleet${because(reason)}`;
    case "claimed":
      return `${origin} owns ${stream}: ${kind === "ingest" ? "ingest" : "publish"}${from}${because(reason)}`;
    case "taken-over":
      return `${origin} took ${stream} over from ${previous}: a second ${kind}${from}`;
    case "switched":
      return `${origin} goes on with ${stream}: the encoder${from} that stood by${because(reason)}`;
    case "released":
      return `${origin} gave ${stream} back${because(reason)}`;
    case "wished":
      return `${by} asked ${origin} ${asked(reason, stream)}`;
    default:
      return Object.entries(fields)
        .map(([name, value]) => `${name}=${value}`)
        .join(" ");
  }
}

function asked(reason: string, stream: string): string {
  if (reason === "kick") return `to disconnect the encoder of ${stream}`;
  return reason === "drain" ? "to drain" : "to take new streams again";
}

function because(reason: string): string {
  return reason === "" ? "" : ` (${reason})`;
}
