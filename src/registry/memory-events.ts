import type { RegistryEvent } from "../domain/ports/registry.ts";
import type { MemoryStore } from "./memory-store.ts";

/** Events after `id` (`$`: from now on) until `signal` is aborted. */
export async function* followInMemory(
  store: MemoryStore,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<RegistryEvent, void, void> {
  let last = id === "$" ? (store.events().at(-1)?.id ?? "0-0") : id;
  while (!signal.aborted) {
    const news = store.events().filter((event) => isAfter(event.id, last));
    for (const event of news) {
      if (signal.aborted) return;
      last = event.id;
      yield event;
    }
    if (news.length === 0) await nextEvent(store, signal);
  }
}

function nextEvent(store: MemoryStore, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stop();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const stop = store.follow(done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Ids are `<ms>-<number>`, or only `<ms>`. */
function isAfter(id: string, than: string): boolean {
  const [ms = 0, number = 0] = id.split("-").map(Number);
  const [thanMs = 0, thanNumber = 0] = than.split("-").map(Number);
  return ms > thanMs || (ms === thanMs && number > thanNumber);
}
