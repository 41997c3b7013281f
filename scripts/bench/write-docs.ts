import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import type { Machine, Result } from "./lib/bench.ts";
import { verdictRows, type Row } from "./lib/report.ts";
import { root } from "./lib/tools.ts";

// Between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` stands what the result file NAME.json says; `budgets` is
// the verdicts of all results. Nobody writes there by hand.

const [folder = ""] = process.argv.slice(2);
const results = new Map(
  readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => [
      file.slice(0, -".json".length),
      JSON.parse(readFileSync(join(folder, file), "utf8")) as Result,
    ]),
);

function tableOf(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  const body = rows.map((row) => line(columns.map((column) => row[column] ?? "")));
  return [line(columns), line(columns.map(() => "---")), ...body].join("\n");
}

function placeOf({ date, kernel, cpu, cores, node, commit, busyBefore }: Machine): string {
  const busy = Math.round(busyBefore * 100);
  return `${date}, commit ${commit}, ${kernel}, ${cores} x ${cpu}, node ${node}; others had ${busy} % of it before`;
}

function sectionOf(result: Result): string {
  const tables = result.tables.map(({ title, rows }) => `${title}:\n\n${tableOf(rows)}`);
  return [`\`${result.command}\` (${placeOf(result.machine)})`, ...tables].join("\n\n");
}

function budgets(): string {
  const rows = [...results.values()].flatMap((result) =>
    verdictRows(result.verdicts).map((row): Row => ({ ...row, command: `\`${result.command}\`` })),
  );
  return tableOf(rows);
}

function textFor(name: string): string | undefined {
  if (name === "budgets") return budgets();
  const result = results.get(name);
  return result && sectionOf(result);
}

async function fill(file: string): Promise<void> {
  const old = readFileSync(file, "utf8");
  const filled = old.replaceAll(
    /(<!-- bench:([\w-]+) -->\n)[\s\S]*?(<!-- \/bench:\2 -->)/g,
    (whole, open: string, name: string, close: string) => {
      const text = textFor(name);
      return text === undefined ? whole : `${open}\n${text}\n\n${close}`;
    },
  );
  if (filled === old) return;
  writeFileSync(file, await format(filled, { ...(await resolveConfig(file)), parser: "markdown" }));
  process.stdout.write(`wrote ${file}\n`);
}

if ([...results.values()].some(({ quick }) => quick)) throw new Error("quick results are not written down");
for (const file of readdirSync(join(root, "docs")))
  if (file.endsWith(".md")) await fill(join(root, "docs", file));
