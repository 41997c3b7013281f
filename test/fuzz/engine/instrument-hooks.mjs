// Module hooks: count every branch of the code under test. They come behind tsx, so what they see is JavaScript.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
/** The sources, and the parser with a planted fault that proves the loop. */
const COUNTED = /\/(?:src|test\/fuzz\/planted)\/.*\.ts(?:\?.*)?$/;

/** Made with the first module: loading Babel takes a while. */
let instrumenter;

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!COUNTED.test(url) || loaded.format !== "module" || !loaded.source) return loaded;
  instrumenter ??= require("istanbul-lib-instrument").createInstrumenter({
    esModules: true,
    compact: true,
    coverageVariable: "__coverage__",
  });
  const source = Buffer.from(loaded.source).toString();
  return { ...loaded, source: instrumenter.instrumentSync(source, new URL(url).pathname) };
}
