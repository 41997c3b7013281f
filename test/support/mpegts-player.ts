import { sharedBrowser } from "./browser.ts";
import type { Player, PlayerExit } from "./player.ts";
import { PLAYER_TIMEOUT_MS } from "./player.ts";
import { waitFor } from "./wait.ts";

/** What `mpegts-page.html` tells ten times a second. */
export interface MpegtsState {
  /** Errors of mpegts.js, of the video element and of the page. */
  readonly complaints: readonly string[];
  /** The server has ended the stream. */
  readonly complete: boolean;
  /** It has shown everything after the end, or given up. */
  readonly gone: boolean;
  /** `currentTime` in ms. */
  readonly shown: number;
  /** Pictures decoded, and those of them that came too late to be shown. */
  readonly frames: number;
  readonly dropped: number;
  /** Bytes of sound decoded. */
  readonly sound: number;
  readonly width: number;
  /** Holes in what it has that the page stepped over. */
  readonly holes: number;
  /** From, to in ms. */
  readonly ranges: readonly (readonly [number, number])[];
}

/**
 * mpegts.js in Chromium: one player object that is never made anew. It hands no media on, but tells what it shows.
 *
 * Its exit code: 0 after the end of the stream, 1 after an error.
 */
export class MpegtsPlayer implements Player {
  readonly exit: Promise<PlayerExit>;
  readonly tags = undefined;
  #state: MpegtsState | undefined;
  #running = true;

  constructor(url: string) {
    this.exit = this.#play(url).catch((error: unknown) => ({ code: 1, said: String(error) }));
    void this.exit.then(() => (this.#running = false));
  }

  get running(): boolean {
    return this.#running;
  }

  get state(): MpegtsState | undefined {
    return this.#state;
  }

  get progress(): number | undefined {
    const { frames = 0, sound = 0, shown = 0 } = this.#state ?? {};
    return frames + sound > 0 && shown > 0 ? shown : undefined;
  }

  units(): undefined {
    return undefined;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.exit;
  }

  async #play(url: string): Promise<PlayerExit> {
    const tell = (state: unknown) => (this.#state = state as MpegtsState);
    const page = await sharedBrowser.open(new URLSearchParams({ url }), tell);
    try {
      const over = () => !this.#running || this.#state?.gone === true;
      await waitFor(over, { within: PLAYER_TIMEOUT_MS, what: "the end" });
    } finally {
      await sharedBrowser.close(page);
    }
    const said = (this.#state?.complaints ?? []).join("\n");
    return { code: said === "" && this.#state?.complete ? 0 : 1, said };
  }
}
