import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { parseSourceUrl } from "../../src/domain/source-url.ts";

const PAGE = fileURLToPath(new URL("../../docs/ingest.md", import.meta.url));
const RECIPE = /<!-- recipe: ([\w-]+) -->\s+```yaml\n([^]*?)```/g;

/** The command lines of the recipes of docs/ingest.md, by the names in the comments above them. */
export async function readRecipes(): Promise<ReadonlyMap<string, string>> {
  const page = await readFile(PAGE, "utf8");
  const recipes = new Map<string, string>();
  for (const [, name = "", yaml = ""] of page.matchAll(RECIPE)) {
    const { ingests } = parse(yaml) as { ingests: readonly { url: string }[] };
    const source = parseSourceUrl(ingests[0]?.url ?? "");
    if (ingests.length !== 1 || source.scheme !== "exec" || recipes.has(name))
      throw new Error(`the recipe ${name} is not one exec: source`);
    recipes.set(name, source.command);
  }
  return recipes;
}
