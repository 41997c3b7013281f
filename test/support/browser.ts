import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { findProgram } from "./run-program.ts";

/** What is used of playwright-core. Its own types need those of a browser, which nothing else here has. */
interface Page {
  exposeFunction(name: string, callback: (value: unknown) => void): Promise<unknown>;
  goto(url: string, options: { readonly timeout: number }): Promise<unknown>;
  close(): Promise<void>;
}
interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}
interface Playwright {
  readonly chromium: {
    launch(options: {
      readonly executablePath: string;
      readonly args: readonly string[];
      readonly timeout: number;
    }): Promise<Browser>;
  };
}

const require = createRequire(import.meta.url);
/** From a cold disk, while other tests take both cores. */
const START_TIMEOUT_MS = 180_000;
const ARGUMENTS = ["--autoplay-policy=no-user-gesture-required", "--disable-gpu", "--mute-audio"];

/** Chromium without a window, and a web server for its pages. Starts with the first page, ends after the last. */
class SharedBrowser {
  #pages = 0;
  #started: Promise<{ readonly browser: Browser; readonly server: Server }> | undefined;

  /** @param query goes behind the page's address */
  async open(query: URLSearchParams, tell: (state: unknown) => void): Promise<Page> {
    this.#pages += 1;
    try {
      const { browser, server } = await (this.#started ??= start());
      const page = await browser.newPage();
      await page.exposeFunction("tell", tell);
      const { port } = server.address() as AddressInfo;
      await page.goto(`http://127.0.0.1:${port}/?${query}`, { timeout: START_TIMEOUT_MS });
      return page;
    } catch (error) {
      await this.#left();
      throw error;
    }
  }

  async close(page: Page): Promise<void> {
    await page.close().catch(() => undefined);
    await this.#left();
  }

  async #left(): Promise<void> {
    this.#pages -= 1;
    if (this.#pages > 0) return;
    const started = this.#started;
    this.#started = undefined;
    const parts = await started?.catch(() => undefined);
    parts?.server.close();
    await parts?.browser.close();
  }
}

/** Of the test's process: a browser takes long to start, and has room for all its players. */
export const sharedBrowser = new SharedBrowser();

async function start(): Promise<{ browser: Browser; server: Server }> {
  const script = require.resolve("mpegts.js/dist/mpegts.js");
  const files: Readonly<Record<string, { type: string; body: Buffer }>> = {
    "/": { type: "text/html", body: await readFile(join(import.meta.dirname, "mpegts-page.html")) },
    "/mpegts.js": { type: "text/javascript", body: await readFile(script) },
  };
  const server = createServer((request, response) => {
    const file = files[new URL(request.url ?? "/", "http://page").pathname];
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": file.type }).end(file.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const executablePath = findProgram("chromium");
    if (executablePath === undefined) throw new Error("chromium is not installed");
    const { chromium } = require("playwright-core") as Playwright;
    const browser = await chromium.launch({ executablePath, args: ARGUMENTS, timeout: START_TIMEOUT_MS });
    return { browser, server };
  } catch (error) {
    server.close();
    throw error;
  }
}
