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
    case "buried":
      return `${origin} was declared dead by ${by}${because(reason)}`;
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
      return describeIngestEvent(type, fields) ?? plain(fields);
  }
}

function describeIngestEvent(type: string, fields: RegistryEvent["fields"]): string | undefined {
  const { ingest = "", origin = "", previous = "", profile = "", reason = "", by = "" } = fields;
  const source = profile === "" || profile === "0" ? "" : ` from its fallback ${profile}`;
  switch (type) {
    case "ingest-defined":
      return `the ingest ${ingest} was defined by ${reason === "config" ? `the settings of ${by}` : by}`;
    case "ingest-changed":
      return `the ingest ${ingest} was changed by ${by}`;
    case "ingest-removed":
      return `the ingest ${ingest} was removed by ${by}${because(reason === "api" ? "" : reason)}`;
    case "ingest-paused":
      return `${by} paused the ingest ${ingest}`;
    case "ingest-resumed":
      return `${by} resumed the ingest ${ingest}`;
    case "ingest-move":
      return origin === ""
        ? `${by} took the wish back to move the ingest ${ingest}`
        : `${by} asked to move the ingest ${ingest} to ${origin}`;
    case "ingest-begun":
      return `${origin} begins to pull ${ingest}${isNew(previous, origin) ? `, after ${previous}` : ""}${because(reason)}`;
    case "ingest-live":
      return `${ingest} is live on ${origin}${source}`;
    case "ingest-retrying":
      return `${ingest} does not work on ${origin}, which tries again${because(reason)}`;
    case "ingest-resting":
      return `${ingest} failed everywhere and rests on ${origin}${because(reason)}`;
    case "ingest-idle":
      return `${origin} stopped pulling ${ingest}${because(reason)}`;
    default:
      return undefined;
  }
}

function isNew(previous: string, origin: string): boolean {
  return previous !== "" && previous !== origin;
}

/** For types from a later version. */
function plain(fields: RegistryEvent["fields"]): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

function asked(reason: string, stream: string): string {
  if (reason === "kick") return `to disconnect the encoder of ${stream}`;
  return reason === "drain" ? "to drain" : "to take new streams again";
}

function because(reason: string): string {
  return reason === "" ? "" : ` (${reason})`;
}
