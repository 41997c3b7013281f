import { Option } from "commander";

export type OutputForm = "table" | "json";

export interface OutputOptions {
  readonly output: OutputForm;
}

/** `-o table|json`, which every command that prints data has. */
export function outputOption(): Option {
  return new Option("-o, --output <form>", "how to print").choices(["table", "json"]).default("table");
}

/** Data goes to stdout and nothing else does. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What is for people while data is printed, or in its place. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** Columns as wide as their content, without lines, so that `awk` reads them too. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return align([...(head.length > 0 ? [head.map(emphasise)] : []), ...rows.map((row) => row.map(cell))]);
}

/** One record: name and value per line; a value of several lines goes on below itself. */
export function card(fields: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    cell(value)
      .split("\n")
      .map((line, i) => [i === 0 ? emphasise(name) : "", line]),
  );
  return align(lines);
}

/** Age or time left for people: `4.3s`, `2m05s`, `3h07m`, `5d02h`. */
export function span(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const whole = Math.floor(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h${two(Math.floor(whole / 60) % 60)}m`;
  return `${Math.floor(whole / 86_400)}d${two(Math.floor(whole / 3_600) % 24)}h`;
}

/** Time since an ISO 8601 moment of the registry's clock, by our clock. */
export function age(since: string): string {
  return since === "" ? "" : span(Date.now() - Date.parse(since));
}

/** The 24-hour local time of an ISO 8601 moment, with its date. */
export function localTime(iso: string): string {
  return iso === "" ? "" : new Date(iso).toLocaleString("sv-SE");
}

/** Left-aligned columns, two spaces apart. cli-table3 needs 20 s for 10,000 rows; a fleet may have them. */
function align(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((text, column) => (widths[column] = Math.max(widths[column] ?? 0, width(text))));
  const pad = (text: string, column: number) => text + " ".repeat((widths[column] ?? 0) - width(text));
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** Columns that a text takes on a terminal: two for the wide scripts and emoji, none for marks and escapes. */
function width(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  // eslint-disable-next-line no-control-regex
  const visible = text.replaceAll(/\u001b\[\d+m|\p{Mark}|\p{Cf}/gu, "");
  return Array.from(visible).reduce((columns, character) => columns + (WIDE.test(character) ? 2 : 1), 0);
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;

const two = (value: number) => String(value).padStart(2, "0");

/** Bold where a person looks at it. https://no-color.org */
function emphasise(text: string): string {
  const wanted = process.stdout.isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
  return wanted ? `\u001b[1m${text}\u001b[22m` : text;
}

/** What others wrote into the registry must not steer the terminal. */
function cell(value: unknown): string {
  const empty = value === undefined || value === null || value === "";
  const text = empty ? "-" : typeof value === "string" ? value : JSON.stringify(value);
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}
