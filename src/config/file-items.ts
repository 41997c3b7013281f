import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Document, Node, YAMLSeq } from "yaml";
import { problemAt } from "./given.ts";

/** Deeper than any list of settings goes; an alias to what it stands in would go on for ever. */
const MAX_DEPTH = 4;

/** A list in a file: its value, and where each thing in it stands (see `Given.places`). */
export interface Items {
  readonly value: readonly unknown[];
  readonly places: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

/** Read a list of texts or of sections. What a value may be is not looked at here. */
export function readItems(
  setting: string,
  list: YAMLSeq,
  document: Document,
  placeOf: (node: Node) => string,
): Items {
  const places = new Map<string, string>();
  const problems: string[] = [];
  const read = (path: string, key: string, node: Node | null): unknown => {
    if (node !== null && !places.has(path)) places.set(path, placeOf(node));
    const target = isAlias(node) ? node.resolve(document) : node;
    if (isScalar(target)) return target.value;
    if (path.split(".").length > MAX_DEPTH) return undefined;
    if (isSeq(target)) {
      return target.items.map((item, index) => read(`${path}.${index}`, `${key}[${index}]`, item as Node));
    }
    return isMap(target) ? section(path, key, target.items as readonly Entry[]) : undefined;
  };
  const section = (path: string, key: string, entries: readonly Entry[]): Record<string, unknown> => {
    const found = new Map<string, unknown>();
    for (const { key: keyNode, value } of entries) {
      const name = isScalar(keyNode) ? String(keyNode.value) : "?";
      const inner = `${path}.${name}`;
      if (found.has(name)) {
        problems.push(
          problemAt(placeOf(keyNode), `${key}.${name}`, `is given twice, first at ${places.get(inner)}`),
        );
        continue;
      }
      // An empty value has no place of its own.
      places.set(inner, placeOf(isEmpty(value) ? keyNode : (value as Node)));
      found.set(name, read(inner, `${key}.${name}`, value));
    }
    // A key such as `__proto__` becomes a plain property, and is refused as unknown.
    return Object.fromEntries(found);
  };
  const value = list.items.map((item, index) =>
    read(`${index}`, `${setting}[${index}]`, item as Node | null),
  );
  return { value, places, problems };
}

interface Entry {
  readonly key: Node;
  readonly value: Node | null;
}

function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}
