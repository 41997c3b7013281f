import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, HoldfastError, type ErrorCode } from "../../../src/domain/errors.ts";
import { problemOf } from "../../../src/domain/problem.ts";

test("a refusal tells the client what was wrong with this request", () => {
  const error = new HoldfastError("STREAM_NAME_INVALID", { detail: "the app name is empty" });
  assert.deepEqual(problemOf(error), {
    status: 400,
    body: {
      type: "urn:holdfast:error:STREAM_NAME_INVALID",
      title: "the stream name is not valid",
      status: 400,
      detail: "the app name is empty",
      code: "STREAM_NAME_INVALID",
    },
  });
});

test("a fault does not tell the client what the inside of the fleet looks like", () => {
  const error = new HoldfastError("REGISTRY_UNAVAILABLE", { detail: "connect ECONNREFUSED 10.0.0.5:6379" });
  assert.equal(problemOf(error).body.detail, "the registry gave no answer");
});

test("every code has an HTTP status that says error", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const { status, body } = problemOf(new HoldfastError(code));
    assert.ok(status >= 400 && status <= 599, code);
    assert.equal(body.status, status, code);
  }
});
