import { z } from "zod";

const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/;
const DURATION_UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const SIZE = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)$/;
const SIZE_UNITS = { B: 1, KB: 1_024, MB: 1_048_576, GB: 1_073_741_824 } as const;

/** `5s`, `500ms`, `2m`, `1h` as ms; `undefined` when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  return match
    ? Math.round(Number(match[1]) * DURATION_UNITS[match[2] as keyof typeof DURATION_UNITS])
    : undefined;
}

/** `64KB`, `16MB` as bytes; `undefined` when it is not a size. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text);
  return match ? Math.round(Number(match[1]) * SIZE_UNITS[match[2] as keyof typeof SIZE_UNITS]) : undefined;
}

/** The shortest written form of a duration in ms. */
export function formatDuration(ms: number): string {
  for (const unit of ["h", "m", "s"] as const) {
    if (ms > 0 && ms % DURATION_UNITS[unit] === 0) return `${ms / DURATION_UNITS[unit]}${unit}`;
  }
  return `${ms}ms`;
}

/** The shortest written form of a size in bytes. */
export function formatSize(bytes: number): string {
  for (const unit of ["GB", "MB", "KB"] as const) {
    if (bytes > 0 && bytes % SIZE_UNITS[unit] === 0) return `${bytes / SIZE_UNITS[unit]}${unit}`;
  }
  return `${bytes}B`;
}

/** A setting written like `5s`; ms inside. Both ends of the range are allowed. */
export function duration(standard: string, least: string, most: string) {
  return unit(
    parseDuration,
    standard,
    least,
    most,
    `a duration from ${least} to ${most}, such as ${standard}`,
    "duration",
  );
}

/** A setting written like `16MB`; bytes inside. Both ends of the range are allowed. */
export function size(standard: string, least: string, most: string) {
  return unit(
    parseSize,
    standard,
    least,
    most,
    `a size from ${least} to ${most}, such as ${standard}`,
    "size",
  );
}

function unit(
  parse: (text: string) => number | undefined,
  standard: string,
  least: string,
  most: string,
  allowed: string,
  kind: "duration" | "size",
) {
  const low = parse(least) ?? 0;
  const high = parse(most) ?? Infinity;
  return z
    .string(`expected ${allowed}`)
    .transform((text, context) => {
      const value = parse(text.trim());
      if (value !== undefined && value >= low && value <= high) return value;
      context.addIssue({ code: "custom", message: `expected ${allowed}, got ${JSON.stringify(text)}` });
      return z.NEVER;
    })
    .prefault(standard)
    .meta({ unit: kind, allowed });
}
