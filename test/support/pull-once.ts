// Usage: node --import tsx test/support/pull-once.ts URL
// Pulls URL until it ends and prints how: what is trusted beyond Node's own authorities is said to a process as a whole.
import { configSchema } from "../../src/config/schema.ts";
import { createIngestPuller } from "../../src/media/ingest/puller.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { memoryLog } from "./start-rtmp.ts";

const puller = createIngestPuller({
  config: configSchema.parse({}),
  clock: systemClock,
  log: memoryLog().log,
});
let packets = 0;
const sink = { opened: () => undefined, write: () => void packets++ };
const target = { url: process.argv[2] ?? "", label: "live/cam", validFor: () => 5_000 };
const said = await puller.pull(target, sink, new AbortController().signal).then(
  () => "ended",
  (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
);
process.stdout.write(`${said} (${packets} packets)\n`);
