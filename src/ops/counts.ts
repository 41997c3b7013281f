/** One number with its labels, as a metric is made of. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Numbers by labels: counted where things happen, read when somebody asks for metrics. */
export class Counts<Labels extends Readonly<Record<string, string>>> implements Iterable<Sample> {
  readonly #entries = new Map<string, { readonly labels: Labels; value: number }>();

  /** The labels' values must come from a known set: every combination is kept for good. */
  add(labels: Labels, by = 1): void {
    const name = Object.values(labels).join("\n");
    const entry = this.#entries.get(name);
    if (entry) entry.value += by;
    else this.#entries.set(name, { labels, value: by });
  }

  [Symbol.iterator](): Iterator<Sample> {
    return this.#entries.values();
  }
}
