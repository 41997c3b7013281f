import Table from "cli-table3";

/** A row of a table: its keys are the columns. */
export type Row = Readonly<Record<string, string | number>>;

export interface ReportTable {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** A budget or bound, and what was measured. */
export interface Verdict {
  readonly what: string;
  readonly budget: string;
  readonly measured: string;
  /** Beside which other server, such as `1.19 x the C floor`. */
  readonly ratio?: string;
  readonly ok: boolean;
}

/** What a benchmark found. */
export interface Findings {
  readonly tables: readonly ReportTable[];
  readonly verdicts: readonly Verdict[];
  /** The figures before they were formatted. */
  readonly raw?: unknown;
}

/** Print rows as a table under a title; the first row's keys are the columns. */
export function printTable(title: string, rows: readonly Row[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const table = new Table({ head: columns, style: { head: [], border: [] } });
  for (const row of rows) table.push(columns.map((column) => String(row[column] ?? "")));
  process.stdout.write(`\n${title}\n${table.toString()}\n`);
}

/** Rows of verdicts for {@link printTable}. */
export function verdictRows(verdicts: readonly Verdict[]): Row[] {
  return verdicts.map(({ what, budget, measured, ratio, ok }) => ({
    what,
    budget,
    measured,
    ratio: ratio ?? "",
    verdict: ok ? "held" : "BROKEN",
  }));
}

/** `value` with `digits` decimals, or `-` when it was not measured. */
export function fixed(value: number | undefined, digits = 1): string {
  return value === undefined || !Number.isFinite(value) ? "-" : value.toFixed(digits);
}

/** The q-th quantile (0 to 1) of numbers. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
