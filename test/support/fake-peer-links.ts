import type { OriginRecord } from "../../src/domain/origin-record.ts";
import type { LinkEnd, PeerLinks } from "../../src/domain/ports/peer-links.ts";

/** Links that a test ends. Everybody greets at once, except those who are `gone`. */
export class FakePeerLinks implements PeerLinks {
  readonly gone = new Set<string>();
  readonly #links = new Map<string, (end: LinkEnd) => void>();

  /** Names of the peers that are linked now. */
  get peers(): string[] {
    return [...this.#links.keys()].toSorted();
  }

  end(name: string, how: LinkEnd = "closed"): void {
    this.#links.get(name)?.(how);
  }

  hold({ name }: OriginRecord, greeted: () => void, signal: AbortSignal): Promise<LinkEnd> {
    if (this.gone.has(name)) return Promise.resolve("silent");
    greeted();
    return new Promise<LinkEnd>((resolve) => {
      const end = (how: LinkEnd) => {
        this.#links.delete(name);
        resolve(how);
      };
      this.#links.set(name, end);
      signal.addEventListener("abort", () => end("silent"), { once: true });
    });
  }
}
