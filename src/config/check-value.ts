import type { z } from "zod";
import { problemAt } from "./given.ts";
import type { Given } from "./given.ts";
import { maskUrl } from "./mask.ts";
import type { Setting } from "./settings.ts";
import { closest } from "./suggest.ts";

type Path = readonly PropertyKey[];

/** What is wrong with a value by itself, as complete lines that hold no secret. */
export function check(given: Given): string[] {
  const { setting, value } = given;
  const result = setting.schema.safeParse(value);
  if (result.success) return [];
  const seen = new Set<string>();
  for (const issue of result.error.issues) {
    for (const { path, text } of explain(setting, issue, value))
      seen.add(problemAt(placeOf(given, path), keyOf([setting.path, ...path]), text));
  }
  return [...seen];
}

/** Where the part of a value stands that `path` leads to; else what is around it. */
export function placeOf({ place, places }: Given, path: Path): string {
  for (let length = path.length; length > 0; length--) {
    const found = places?.get(path.slice(0, length).join("."));
    if (found !== undefined) return found;
  }
  return place;
}

/** `ingests[3].fallback[0]`. */
export function keyOf(path: Path): string {
  return path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`))
    .join("")
    .slice(1);
}

interface Found {
  readonly path: Path;
  readonly text: string;
}

function explain(setting: Setting, issue: z.core.$ZodIssue, value: unknown): Found[] {
  const { item } = setting;
  const [index, name, ...rest] = issue.path;
  if (index === undefined) return [{ path: [], text: `expected ${setting.allowed}${got(setting, value)}` }];
  const path = [index];
  const one: unknown = Array.isArray(value) ? (value as unknown[])[Number(index)] : undefined;
  if (item === undefined) return [{ path, text: `expected ${setting.itemAllowed}${got(setting, one)}` }];
  const names = item.settings.map((field) => field.path);
  if (issue.code === "unrecognized_keys" && name === undefined)
    return issue.keys.map((key) => ({ path: [index, key], text: unknownKey(key, names) }));
  const field = item.settings.find((candidate) => candidate.path === name);
  if (field === undefined) return [{ path, text: `expected a section with ${names.join(", ")}` }];
  const section = (one ?? {}) as Record<string, unknown>;
  if (section[field.path] === undefined)
    return [{ path, text: `${field.path} is missing: ${field.description}` }];
  if (issue.code === "custom") return [{ path: issue.path, text: issue.message }];
  const inner = rest.length === 0 ? section[field.path] : undefined;
  const allowed = rest.length === 0 ? field.allowed : field.itemAllowed;
  return [{ path: issue.path, text: `expected ${allowed}${inner === undefined ? "" : got(field, inner)}` }];
}

function unknownKey(key: string, names: readonly string[]): string {
  const meant = closest(key, names);
  return `is not known here; ${meant === undefined ? `allowed: ${names.join(", ")}` : `did you mean ${meant}?`}`;
}

/** `, got …`, as far as it may be said. */
function got(setting: Setting, value: unknown): string {
  if (setting.secret !== false || setting.item !== undefined) return "";
  if (typeof value === "string") {
    const short = value.length > 60 ? `${value.slice(0, 60)}…` : value;
    return `, got ${JSON.stringify(maskUrl(short))}`;
  }
  if (Array.isArray(value)) return ", got a list";
  if (value === null) return ", got nothing";
  return typeof value === "number" || typeof value === "boolean" ? `, got ${value}` : ", got a section";
}
