import { parse } from "yaml";
import { bracketDepth, MAX_BRACKETS } from "./bracket-depth.ts";
import type { Setting } from "./settings.ts";

/** A value that somebody gave for a setting, and where. */
export interface Given {
  readonly setting: Setting;
  readonly value: unknown;
  /** Such as `holdfast.yml:3:5`, `HOLDFAST_RTMP__PORT (environment)` or `--rtmp-port (flag)`. */
  readonly place: string;
  /** Places inside of a list in a file, such as of `3` (an item), `3.url` and `3.fallback.0`. */
  readonly places?: ReadonlyMap<string, string>;
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
    case "sections":
      return fromYaml(trimmed);
    case "list":
      return trimmed === "" ? [] : trimmed.split(",").map((item) => item.trim());
    default:
      return trimmed;
  }
}

/** YAML, of which JSON is a part; the text itself when it is neither. */
function fromYaml(text: string): unknown {
  if (bracketDepth(text) > MAX_BRACKETS) return text;
  try {
    return parse(text, { prettyErrors: false, logLevel: "error" }) as unknown;
  } catch {
    return text;
  }
}
