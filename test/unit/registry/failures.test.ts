import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { toRegistryError } from "../../../src/registry/failures.ts";

function answer(message: string): Error {
  const error = new Error(message);
  error.name = "ReplyError";
  return error;
}

const table: [Error, string, RegExp][] = [
  [
    answer("NOAUTH Authentication required."),
    "REGISTRY_REFUSED",
    /wants a password: write it into redis\.url/,
  ],
  [
    answer("WRONGPASS invalid username-password pair or user is disabled."),
    "REGISTRY_REFUSED",
    /does not know/,
  ],
  [
    answer("NOPERM User x has no permissions to run the 'eval' command"),
    "REGISTRY_REFUSED",
    /lacks a permission/,
  ],
  [
    answer("READONLY You can't write against a read only replica. script: 1, on @user_script:3."),
    "REGISTRY_REFUSED",
    /must lead to the master/,
  ],
  [
    answer("OOM command not allowed when used memory > 'maxmemory'. script: 1, on @user_script:9."),
    "REGISTRY_REFUSED",
    /out of memory: raise maxmemory/,
  ],
  [
    answer("ERR Error running script (call to f_1): @user_script:9: -OOM command not allowed"),
    "REGISTRY_REFUSED",
    /out of memory/,
  ],
  [
    answer("MISCONF Redis is configured to save RDB snapshots"),
    "REGISTRY_REFUSED",
    /cannot save to its disk/,
  ],
  [answer("WRONGTYPE Operation against a key holding"), "REGISTRY_REFUSED", /another program/],
  [answer("ERR something new"), "REGISTRY_REFUSED", /answered: ERR something new/],
  [answer("LOADING Redis is loading the dataset in memory"), "REGISTRY_UNAVAILABLE", /still loading/],
  [answer("CLUSTERDOWN The cluster is down"), "REGISTRY_UNAVAILABLE", /Cluster is down/],
  [new Error("connect ECONNREFUSED 10.0.0.1:6379"), "REGISTRY_UNAVAILABLE", /no connection .* ECONNREFUSED/],
  [
    new Error("Connection is closed."),
    "REGISTRY_UNAVAILABLE",
    /no connection to the registry at redis:\/\/r/,
  ],
];

for (const [error, code, text] of table)
  test(`"${error.message.slice(0, 50)}" is ${code}`, () => {
    const failure = toRegistryError(error, "redis://r");
    assert.equal(failure.code, code);
    assert.match(failure.message, text);
    assert.equal(failure.cause, error);
    assert.equal(failure.context["registry"], "redis://r");
  });

test("an error of ours stays what it is", () => {
  const ours = new HoldfastError("REGISTRY_UNAVAILABLE");
  assert.equal(toRegistryError(ours, "redis://r"), ours);
});

test("an endless answer is cut", () => {
  const failure = toRegistryError(answer(`ERR ${"x".repeat(10_000)}\r\nmore`), "redis://r");
  assert.ok(failure.message.length < 300);
});
