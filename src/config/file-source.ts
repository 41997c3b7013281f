import { readFileSync } from "node:fs";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node, YAMLMap } from "yaml";
import { bracketDepth, MAX_BRACKETS } from "./bracket-depth.ts";
import { readItems } from "./file-items.ts";
import { problemAt } from "./given.ts";
import type { Given, Harvest } from "./given.ts";
import { ROOT, SETTINGS } from "./settings.ts";
import type { Section, Setting } from "./settings.ts";
import { suggestPath } from "./suggest.ts";

const MAX_BYTES = 8 * 1_048_576;
const MAX_SYNTAX_PROBLEMS = 10;
const SYNTAX: Readonly<Record<string, string>> = { MULTIPLE_DOCS: "expected one document" };

/** Read the settings in a YAML file. Every problem is reported with its line and column. */
export function readFileSource(file: string): Harvest {
  const fail = (text: string): Harvest => ({
    given: [],
    problems: [problemAt(file, "", text)],
    warnings: [],
  });
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return fail(`cannot be read: ${reasonOf(error)}`);
  }
  if (bytes.length > MAX_BYTES) return fail("is larger than 8MB, which no configuration is");
  try {
    return readText(file, new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TypeError) return fail("is not UTF-8 text");
    throw error;
  }
}

function readText(file: string, text: string): Harvest {
  if (bracketDepth(text) > MAX_BRACKETS) {
    return {
      given: [],
      problems: [problemAt(file, "", `nests brackets deeper than ${MAX_BRACKETS}`)],
      warnings: [],
    };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0 || document.warnings.length > 0) {
    const found = [...document.errors, ...document.warnings].map(({ pos, code, message }) =>
      // After the colon some messages repeat what stands in the file, which may be a secret.
      problemAt(placeOf(pos[0]), "", `YAML: ${SYNTAX[code] ?? message.split(/:\s/)[0]}`),
    );
    return { given: [], problems: [...new Set(found)].slice(0, MAX_SYNTAX_PROBLEMS), warnings: [] };
  }
  const walk = new Walk(document, placeOf);
  const root = document.contents;
  const empty = root === null || (isScalar(root) && root.value === null);
  if (empty) walk.warnings.push(`${file} is empty: every setting has its default`);
  else if (isMap(root)) walk.section(ROOT, root);
  else walk.problems.push(problemAt(placeOf(root.range?.[0] ?? 0), "", "expected settings as `key: value`"));
  return walk;
}

class Walk implements Harvest {
  readonly given: Given[] = [];
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly #document: Document;
  readonly #placeOf: (offset: number) => string;

  constructor(document: Document, placeOf: (offset: number) => string) {
    this.#document = document;
    this.#placeOf = placeOf;
  }

  section(section: Section, map: YAMLMap): void {
    const seen = new Map<string, string>();
    for (const { key, value } of map.items) {
      const keyNode = key as Node;
      const place = this.#place(keyNode);
      const name = isScalar(keyNode) ? String(keyNode.value) : "?";
      const path = section.path === "" ? name : `${section.path}.${name}`;
      const first = seen.get(name);
      if (first !== undefined) {
        this.problems.push(problemAt(place, path, `is given twice, first at ${first}`));
        continue;
      }
      seen.set(name, place);
      this.#entry(section, name, path, place, value as Node | null);
    }
  }

  #entry(section: Section, name: string, path: string, place: string, value: Node | null): void {
    const node = isAlias(value) ? value.resolve(this.#document) : value;
    const setting = section.settings.find((one) => one.path === path);
    const child = section.sections.find((one) => one.path === path);
    if (setting === undefined && child === undefined)
      this.problems.push(problemAt(place, path, unknownKey(name, section)));
    else if (isAlias(value) && node === undefined)
      this.problems.push(problemAt(this.#place(value), path, `the alias *${value.source} has no anchor`));
    else if (setting !== undefined) this.#setting(setting, place, node ?? null);
    // A section whose lines are all commented out is no section, and no mistake.
    else if (child !== undefined && !isEmpty(node)) {
      if (isMap(node)) this.section(child, node);
      else this.problems.push(problemAt(place, path, `expected a section with ${keysOf(child)}`));
    }
  }

  #setting(setting: Setting, keyPlace: string, node: Node | null): void {
    if (isEmpty(node)) {
      const text = `has no value; expected ${setting.allowed}, or leave the line out`;
      this.problems.push(problemAt(keyPlace, setting.path, text));
    } else if (isScalar(node)) {
      this.given.push({ setting, value: node.value, place: this.#place(node) });
    } else if (isSeq(node) && (setting.kind === "list" || setting.kind === "sections")) {
      const { value, places, problems } = readItems(setting.path, node, this.#document, (one) =>
        this.#place(one),
      );
      this.problems.push(...problems);
      this.given.push({ setting, value, places, place: this.#place(node) });
    } else {
      const got = isSeq(node) ? "a list" : "a section";
      this.problems.push(
        problemAt(this.#place(node), setting.path, `expected ${setting.allowed}, got ${got}`),
      );
    }
  }

  #place(node: Node | null): string {
    return this.#placeOf(node?.range?.[0] ?? 0);
  }
}

function isEmpty(node: Node | null | undefined): node is null | undefined {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

function unknownKey(name: string, section: Section): string {
  const meant = suggestPath(name, section, SETTINGS);
  return meant === undefined
    ? `is not a setting; allowed here: ${keysOf(section)}`
    : `is not a setting; did you mean ${meant}?`;
}

function keysOf(section: Section): string {
  return [...section.settings, ...section.sections]
    .map(({ path }) => path.slice(path.lastIndexOf(".") + 1))
    .join(", ");
}

/** Why a file could not be read, in words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "permission denied";
  if (code === "EISDIR") return "it is a directory";
  return code ?? String(error);
}
