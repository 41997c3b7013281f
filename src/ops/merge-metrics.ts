/**
 * The metrics of several processes as one text: what each metric is stands there once, in front of the samples of
 * all. The samples must differ by a label.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, string[]>();
  for (const text of texts) {
    let family: string[] = [];
    for (const line of text.split("\n")) {
      if (line === "") continue;
      if (!line.startsWith("# ")) {
        family.push(line);
        continue;
      }
      const [, , name = ""] = line.split(" ", 3);
      const known = families.get(name);
      family = known ?? [];
      if (!known) families.set(name, family);
      if (!family.includes(line)) family.push(line);
    }
  }
  return `${[...families.values()].map((lines) => lines.join("\n")).join("\n\n")}\n`;
}
