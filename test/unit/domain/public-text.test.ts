import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, HoldfastError, type ErrorCode } from "../../../src/domain/errors.ts";
import { publicText } from "../../../src/domain/public-text.ts";

const text = (code: ErrorCode, detail: string) => publicText(new HoldfastError(code, { detail }));

test("a refusal says what was wrong with the request", () => {
  assert.equal(text("STREAM_NAME_INVALID", "the app name is empty"), "the app name is empty");
  assert.equal(
    text("STREAM_TAKEN_OVER", "another publisher took a/b over"),
    "another publisher took a/b over",
  );
  assert.equal(text("TAKEOVER_TOO_SOON", "try again in 5 s"), "try again in 5 s");
});

test("a fault does not say what the inside of the fleet looks like, unless it was written for clients", () => {
  for (const [code, { http, text: general }] of Object.entries(ERRORS)) {
    const detail = "connect ECONNREFUSED 10.0.0.5:6379";
    const shown = http < 500 || code === "ORIGIN_DRAINING" || code === "ORIGIN_FULL";
    if (code !== "NAME_CONFLICT")
      assert.equal(text(code as ErrorCode, detail), shown ? detail : general, code);
  }
});

test("the address of another origin of the same name is for operators", () => {
  assert.equal(text("NAME_CONFLICT", "alive at 10.0.0.3:8080"), ERRORS.NAME_CONFLICT.text);
});

test("there is always something to say", () => {
  for (const detail of ["", "  "]) assert.equal(text("NOT_OWNER", detail), ERRORS.NOT_OWNER.text);
});
