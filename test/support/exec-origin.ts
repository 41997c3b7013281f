// Usage: node --import tsx test/support/exec-origin.ts COMMAND LEASE
//
// A process like an origin that pulls one exec: source. Its lease of LEASE ms is renewed every 200 ms. Writes one line,
// "pulling", at the first packet, then nothing.
import { HoldfastError } from "../../src/domain/errors.ts";
import { configSchema } from "../../src/config/schema.ts";
import { createIngestPuller } from "../../src/media/ingest/puller.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { createLogger } from "../../src/ops/logger.ts";

const [command = "", lease = "2000"] = process.argv.slice(2);
const config = configSchema.parse({ ingest: { allowExec: true, connectTimeout: "20s", idleTimeout: "20s" } });
let until = performance.now() + Number(lease);
setInterval(() => (until = performance.now() + Number(lease)), 200);
const log = createLogger({ level: "silent" }, { service: "holdfast", origin: "test", version: "0" });
const puller = createIngestPuller({ config, clock: systemClock, log });
let told = false;
await puller.pull(
  { url: `exec:${command}`, label: "live/cam", validFor: () => until - performance.now() },
  {
    opened: () => undefined,
    write() {
      if (!told) process.stdout.write("pulling\n");
      told = true;
    },
  },
  new AbortController().signal,
);
throw new HoldfastError("INTERNAL", { detail: "the pull ended" });
