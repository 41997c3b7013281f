import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { pino } from "pino";
import { configSchema } from "../../src/config/schema.ts";
import { createOrigin } from "../../src/origin.ts";
import { waitFor } from "../support/wait.ts";

const SECRET = /hunter2/;

test("credentials of sources are in no log line, event, metric, answer or explanation", async (t) => {
  // One server that refuses whoever asks for media, and tells what it was asked.
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization ?? ""}`);
    response
      .writeHead(401, { "www-authenticate": "Basic", location: "http://:hunter2@127.0.0.1:1/x.flv" })
      .end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const urls = [
    `http://admin:hunter2@127.0.0.1:${port}/hidden.flv?token=hunter2`,
    `rtmp://admin:hunter2@127.0.0.1:${port}/app/cam?token=hunter2`,
    `rtmps://admin:hunter2@127.0.0.1:${port}/app/cam?token=hunter2`,
    `rtsp://admin:hunter2@127.0.0.1:${port}/cam?token=hunter2`,
    "rtmp://admin:hunter2@127.0.0.1:1/app/cam?token=hunter2",
    "rtsp://admin:hunter2@nowhere.invalid/cam?token=hunter2",
    "exec:sh -c 'echo cannot open rtsp://admin:hunter2@cam >&2; exit 1'",
    "exec:/nowhere/program --password hunter2",
  ];
  const ingests = urls.map((url, index) => ({ stream: `live/s${index}`, url }));
  const lines: string[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
  const ports = { bind: "127.0.0.1", rtmp: { port: 0 }, http: { port: 0 }, api: { port: 0 } };
  const ingest = { allowExec: true, retryMin: "200ms", connectTimeout: "2s" };
  const config = configSchema.parse({ name: "o1", ...ports, ingest, ingests, metrics: { perStream: true } });
  const origin = createOrigin(config, { log });
  await origin.start();
  t.after(() => origin.stop());

  const ask = async (path: string) => (await fetch(`http://${origin.addresses.api}${path}`)).text();
  interface Shown {
    readonly stream: string;
    readonly state: string;
    readonly error: string;
  }
  const shown = async () => (JSON.parse(await ask("/api/fleet/v1/ingests")) as { ingests: Shown[] }).ingests;
  await waitFor(async () => (await shown()).filter(({ error }) => error !== "").length === urls.length, {
    within: 60_000,
    what: "an error of every ingest",
  });
  assert.ok(
    asked.some((one) => SECRET.test(one)),
    "the source itself is told",
  );

  const answers = await Promise.all([
    ask("/api/fleet/v1/ingests"),
    ask("/api/fleet/v1/events?count=1000"),
    ask("/api/fleet/v1/streams"),
    ask("/metrics"),
    ...ingests.flatMap(({ stream }) => [
      ask(`/api/fleet/v1/ingests/${stream}`),
      ask(`/api/fleet/v1/explain?stream=${stream}`),
      ask(`/api/fleet/v1/lookup?stream=${stream}`),
    ]),
  ]);
  await origin.stop();
  assert.ok(lines.length > 0);
  for (const text of [...answers, ...lines]) assert.doesNotMatch(text, SECRET);
});
