import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FlvTag } from "./flv-file.ts";
import { makeMedia } from "./make-media.ts";
import type { Recipe } from "./make-media.ts";

/** Prepared media of one test file: each recipe is made once, in a directory that goes with `close`. */
export class MediaLibrary {
  readonly #made = new Map<string, Promise<FlvTag[]>>();
  #dir: Promise<string> | undefined;

  get(recipe: Recipe): Promise<FlvTag[]> {
    const name = JSON.stringify(recipe);
    let made = this.#made.get(name);
    if (!made) {
      this.#dir ??= mkdtemp(join(tmpdir(), "holdfast-media-"));
      made = this.#dir.then((dir) => makeMedia(dir, recipe));
      this.#made.set(name, made);
    }
    return made;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#made.values());
    if (this.#dir) await rm(await this.#dir, { recursive: true, force: true });
  }
}
