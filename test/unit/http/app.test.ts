import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { createApp } from "../../../src/http/app.ts";
import { Admission } from "../../../src/ops/admission.ts";
import { systemClock } from "../../../src/ops/clock.ts";

const log = pino({ level: "silent" });
const limits = { connections: 10, connectionsPerAddress: 10, connectsPerSecond: 10 };
const admission = new Admission(limits, systemClock, log);

test("a body longer than limits.httpBody is refused with 413 before it is read, and the connection closed", async () => {
  const timeouts = { headersTimeoutMs: 1_000, requestTimeoutMs: 10_000 };
  const sizes = { maxHeaderBytes: 16_384, maxBodyBytes: 1_024 };
  const app = createApp({ log, ...sizes, ...timeouts, admission });
  app.post("/echo", (request) => request.body);
  const post = (bytes: number) =>
    app.inject({
      method: "POST",
      url: "/echo",
      payload: JSON.stringify({ a: "x".repeat(bytes) }),
      headers: { "content-type": "application/json" },
    });
  assert.equal((await post(1_000)).statusCode, 200);
  const refused = await post(1_100);
  assert.equal(refused.statusCode, 413);
  assert.equal(refused.json<{ code: string }>().code, "LIMIT_EXCEEDED");
  assert.equal(refused.headers["connection"], "close");
  await app.close();
});
