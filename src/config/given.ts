import type { Setting } from "./settings.ts";

/** A value that somebody gave for a setting, and where. */
export interface Given {
  readonly setting: Setting;
  readonly value: unknown;
  /** Such as `holdfast.yml:3:5`, `HOLDFAST_RTMP__PORT (environment)` or `--rtmp-port (flag)`. */
  readonly place: string;
  /** Places of the items, when the value is a list in a file. */
  readonly items?: readonly string[];
}

/** What one source of settings gave. Problems are complete lines that never hold a secret. */
export interface Harvest {
  readonly given: readonly Given[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** `file:line:column key: text`, as compilers write it; `VARIABLE (environment): key: text` for the others. */
export function problemAt(place: string, key: string, text: string): string {
  if (key === "") return `${place}: ${text}`;
  return `${place}${place.endsWith(")") ? ":" : ""} ${key}: ${text}`;
}

/** Read what people write in the environment or on the command line as the kind of value that is wanted. */
export function fromText(setting: Setting, text: string): unknown {
  const trimmed = text.trim();
  switch (setting.kind) {
    case "integer":
    case "number":
      return /^[+-]?\d+(?:\.\d+)?$/.test(trimmed) ? Number(trimmed) : text;
    case "boolean":
      return trimmed === "true" || trimmed === "false" ? trimmed === "true" : text;
    case "list":
      return trimmed === "" ? [] : trimmed.split(",").map((item) => item.trim());
    default:
      return trimmed;
  }
}
