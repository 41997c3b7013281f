// Begins a worker: tsx does not reach into workers by itself, and its hooks must lie under ours.
import { register } from "node:module";
import { workerData } from "node:worker_threads";
import { register as registerTsx } from "tsx/esm/api";

registerTsx();
if (workerData.instrumented) register("./instrument-hooks.mjs", import.meta.url);
await import("./worker.ts");
