/** Runs tasks of one key one after another, in order of arrival; tasks of different keys side by side. */
export class KeyQueue<K> {
  readonly #tails = new Map<K, Promise<void>>();

  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(task);
    const tail = result.then(nothing, nothing).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return result;
  }

  /** Resolves when the tasks that are there now are done. */
  idle(key: K): Promise<void> {
    return this.#tails.get(key) ?? Promise.resolve();
  }

  get size(): number {
    return this.#tails.size;
  }
}

function nothing(): void {}
