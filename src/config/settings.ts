import { z } from "zod";
import { settingsSchema } from "./schema.ts";

export type SettingKind =
  | "integer"
  | "number"
  | "boolean"
  | "text"
  | "choice"
  | "list"
  /** A list of sections that are all alike. */
  | "sections"
  | "duration"
  | "size";

/** One leaf of the schema, with all that people are told about it. */
export interface Setting {
  /** Dotted, such as `lease.renewEvery`. */
  readonly path: string;
  readonly kind: SettingKind;
  readonly description: string;
  /** The default as written in a file; `undefined` when there is none or it depends on the machine. */
  readonly standard: unknown;
  /** What is allowed, to be read after "expected". */
  readonly allowed: string;
  /** What is allowed for an item of a list. */
  readonly itemAllowed: string;
  /** What stands in each section of a list of them. */
  readonly item: Section | undefined;
  /** `true`: never shown. `url`: shown without its password. `source`: the same, and nothing of command lines. */
  readonly secret: boolean | "url" | "source";
  /** The value is the path of a file that is read when it is used. */
  readonly file: boolean;
  /** Environment variable, such as `HOLDFAST_LEASE__RENEW_EVERY`. */
  readonly variable: string;
  /** Command-line flag, such as `--lease-renew-every`. */
  readonly flag: string;
  readonly schema: z.ZodType;
}

/** A section of the schema and what stands in it. */
export interface Section {
  /** Empty for the root. */
  readonly path: string;
  readonly settings: readonly Setting[];
  readonly sections: readonly Section[];
}

interface Facts {
  readonly base: z.ZodType;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly standard: unknown;
}

/** The schema as a tree of sections. */
export const ROOT: Section = describeSection("", settingsSchema);

/** All settings, in the order of the schema. */
export const SETTINGS: readonly Setting[] = flatten(ROOT);

function flatten(section: Section): Setting[] {
  return [...section.settings, ...section.sections.flatMap(flatten)];
}

function describeSection(path: string, schema: z.ZodObject): Section {
  const settings: Setting[] = [];
  const sections: Section[] = [];
  for (const [name, child] of Object.entries(schema.shape)) {
    const childPath = path === "" ? name : `${path}.${name}`;
    const type = child as z.ZodType;
    const { base } = facts(type);
    if (base instanceof z.ZodObject) sections.push(describeSection(childPath, base));
    else settings.push(describeSetting(childPath, type));
  }
  return { path, settings, sections };
}

function describeSetting(path: string, schema: z.ZodType): Setting {
  const { base, meta, standard } = facts(schema);
  const kind = kindOf(base, meta);
  const ofItems = itemMeta(base);
  return {
    path,
    kind,
    description: typeof meta["description"] === "string" ? meta["description"] : "",
    standard,
    allowed: typeof meta["allowed"] === "string" ? meta["allowed"] : allowedBy(base, kind),
    itemAllowed: typeof ofItems["allowed"] === "string" ? ofItems["allowed"] : "a text",
    item: kind === "sections" ? describeSection("", elementOf(base) as z.ZodObject) : undefined,
    secret: secretOf(meta["secret"] ?? ofItems["secret"]),
    file: meta["file"] === true,
    variable: `HOLDFAST_${path.split(".").map(humpsToUnderscores).join("__").toUpperCase()}`,
    flag: `--${humpsToUnderscores(path).replaceAll(/[._]/g, "-").toLowerCase()}`,
    schema,
  };
}

/** Walk through the wrappers (default, optional, transformation) of a schema. The outermost word counts. */
function facts(schema: z.ZodType): Facts {
  const meta = schema.meta() ?? {};
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    const inner = facts(schema.def.innerType as z.ZodType);
    const all = { ...inner.meta, ...meta };
    return { base: inner.base, meta: all, standard: all["machine"] ? undefined : schema.def.defaultValue };
  }
  if (schema instanceof z.ZodOptional) {
    const inner = facts(schema.def.innerType as z.ZodType);
    return { ...inner, meta: { ...inner.meta, ...meta } };
  }
  if (schema instanceof z.ZodPipe) {
    const inner = facts(schema.def.in as z.ZodType);
    return { ...inner, meta: { ...inner.meta, ...meta } };
  }
  return { base: schema, meta, standard: undefined };
}

function secretOf(secret: unknown): Setting["secret"] {
  return secret === "url" || secret === "source" ? secret : secret === true;
}

function elementOf(base: z.ZodType): z.ZodType | undefined {
  return base instanceof z.ZodArray ? facts(base.element as z.ZodType).base : undefined;
}

function itemMeta(base: z.ZodType): Facts["meta"] {
  return base instanceof z.ZodArray ? facts(base.element as z.ZodType).meta : {};
}

function kindOf(base: z.ZodType, meta: Readonly<Record<string, unknown>>): SettingKind {
  if (meta["unit"] === "duration" || meta["unit"] === "size") return meta["unit"];
  if (base instanceof z.ZodEnum) return "choice";
  if (base instanceof z.ZodBoolean) return "boolean";
  if (base instanceof z.ZodArray) return elementOf(base) instanceof z.ZodObject ? "sections" : "list";
  if (base instanceof z.ZodNumber) return base.isInt ? "integer" : "number";
  return "text";
}

function allowedBy(base: z.ZodType, kind: SettingKind): string {
  if (base instanceof z.ZodEnum) return alternatives(base.options.map(String));
  if (base instanceof z.ZodBoolean) return "true or false";
  if (base instanceof z.ZodNumber)
    return `a ${kind === "integer" ? "whole number" : "number"} from ${base.minValue} to ${base.maxValue}`;
  return kind === "list" ? "a list of texts" : "a text";
}

/** `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}

function humpsToUnderscores(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
