import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { createLogger, scrub } from "../../../src/ops/logger.ts";

function record(level = "debug") {
  const lines: string[] = [];
  const log = createLogger(
    { level },
    { service: "holdfast", origin: "o1" },
    { write: (line) => void lines.push(line) },
  );
  const last = () => JSON.parse(lines.at(-1) ?? "{}") as Record<string, unknown>;
  return { log, lines, last };
}

test("a line is one JSON object with level, time, bindings, fields and message", () => {
  const { log, lines, last } = record();
  log.child({ session: "s1" }).info({ stream: "live/cam", token: 5 }, "stream claimed");
  const { time, ...rest } = last();
  assert.equal(lines[0], `${lines[0]?.trimEnd()}\n`);
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(rest, {
    level: "info",
    service: "holdfast",
    origin: "o1",
    session: "s1",
    stream: "live/cam",
    token: 5,
    msg: "stream claimed",
  });
});

test("the level of the settings holds", () => {
  const { log, lines } = record("warn");
  log.info("left out");
  log.warn("written");
  assert.equal(lines.length, 1);
  const silent = record("silent");
  silent.log.fatal("left out");
  assert.equal(silent.lines.length, 0);
});

test("secrets never reach a line, whatever field or text holds them", () => {
  const { log, lines } = record();
  const child = log.child({ ticket: "hunter2", remote: "1.2.3.4" });
  child.info({
    query: "token=hunter2",
    client: { ticket: "hunter2", headers: { authorization: "Bearer hunter2" } },
  });
  child.info({ url: "rtmp://me:hunter2@host/app/cam?sign=hunter2", redis: "redis://:hunter2@host:6379/0" });
  child.info({ tcUrl: "rtmp://host/app?key=hunter2", stream: "cam?ticket=hunter2&x=hunter2" });
  child.info({ headers: { authorization: "Basic hunter2==" } }, "request refused");
  child.info({
    err: new Error("connect to redis://:hun@ter/2hunter2@host failed, Authorization: Bearer hunter2"),
  });
  log.child({ target: "rtmp://a/b/c?ticket=hunter2" }).info("relay opened");
  log.info("rtmp://a/b/c?ticket=hunter2");
  assert.equal(lines.length, 7);
  for (const line of lines) {
    assert.doesNotMatch(line, /hunter2/, line);
    JSON.parse(line);
  }
});

test("an error's command, as Redis clients attach it, is not logged", () => {
  const { log, last } = record();
  const error = Object.assign(new Error("WRONGPASS"), { command: { name: "auth", args: ["hunter2"] } });
  log.error(
    { err: new HoldfastError("REGISTRY_REFUSED", { detail: "WRONGPASS" }, { cause: error }) },
    "failed",
  );
  const err = last()["err"] as Record<string, unknown>;
  assert.deepEqual([err["code"], err["message"]], ["REGISTRY_REFUSED", "WRONGPASS"]);
  assert.deepEqual(err["context"], { detail: "WRONGPASS" });
  assert.doesNotMatch(JSON.stringify(err), /hunter2/);
  assert.match(JSON.stringify(err["cause"]), /WRONGPASS/);
});

test("a system error keeps what tells where it happened, a ring of causes ends", () => {
  const { log, last } = record();
  const error = Object.assign(new Error("connect ECONNREFUSED"), {
    code: "ECONNREFUSED",
    address: "127.0.0.1",
    port: 6379,
  });
  error.cause = error;
  log.warn({ err: error }, "redis connection ended");
  const err = last()["err"] as Record<string, unknown>;
  assert.deepEqual([err["code"], err["address"], err["port"]], ["ECONNREFUSED", "127.0.0.1", 6379]);
});

test("what is no secret stays as it is", () => {
  for (const text of [
    "is the stream live?",
    "live/cam=1",
    "10.0.0.1:1935",
    "rtmp://host/app/cam",
    "a@b.example",
  ])
    assert.equal(scrub(text), text);
});
