import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { parseRedisUrl } from "../../../src/registry/redis-url.ts";
import type { RedisTarget } from "../../../src/registry/redis-url.ts";

const nothing: Omit<RedisTarget, "kind" | "endpoints"> = {
  tls: false,
  username: "",
  password: "",
  db: 0,
  master: "",
  sentinelUsername: "",
  sentinelPassword: "",
};
const at = (host: string, port: number) => ({ host, port });

const forms: [string, Partial<RedisTarget>][] = [
  ["redis://localhost", { kind: "single", endpoints: [at("localhost", 6379)] }],
  ["redis://10.0.0.1:7000/5", { kind: "single", endpoints: [at("10.0.0.1", 7000)], db: 5 }],
  ["redis://[2001:db8::1]:7000/", { kind: "single", endpoints: [at("2001:db8::1", 7000)] }],
  ["redis://:secret@r", { kind: "single", endpoints: [at("r", 6379)], password: "secret" }],
  [
    "rediss://us%3Aer:p%40ss%2Fw@r:6380",
    { kind: "single", endpoints: [at("r", 6380)], tls: true, username: "us:er", password: "p@ss/w" },
  ],
  [
    "redis-sentinel://u:p@a,b:26380,[::1]/main/2",
    {
      kind: "sentinel",
      endpoints: [at("a", 26379), at("b", 26380), at("::1", 26379)],
      username: "u",
      password: "p",
      master: "main",
      db: 2,
    },
  ],
  [
    "redis-sentinel://a/main?sentinelUsername=su&sentinelPassword=s%26p&tls=true",
    {
      kind: "sentinel",
      endpoints: [at("a", 26379)],
      master: "main",
      tls: true,
      sentinelUsername: "su",
      sentinelPassword: "s&p",
    },
  ],
  ["redis-cluster://a,b:7001", { kind: "cluster", endpoints: [at("a", 6379), at("b", 7001)] }],
];

for (const [url, target] of forms)
  test(`${url} is understood`, () => assert.deepEqual(parseRedisUrl(url), { ...nothing, ...target }));

const mistakes: [string, RegExp][] = [
  ["http://localhost", /expected redis:\/\//],
  ["redis://", /expected redis:\/\//],
  ["redis://a,b", /one host is expected/],
  ["redis://host:0", /a host is not HOST/],
  ["redis://host:99999", /a host is not HOST/],
  ["redis://host/first", /the path does not name a database/],
  ["redis://host/1/2", /the path does not name a database/],
  ["redis://user@host", /user:password@ or :password@/],
  ["redis://user:@host", /user:password@ or :password@/],
  ["redis://:%zz@host", /an escape such as %40/],
  ["redis://host?timeout=5", /only tls, sentinelUsername, sentinelPassword/],
  ["redis-sentinel://a,b", /the name of the master group is missing/],
  ["redis-cluster://a/3", /no database other than 0/],
];

for (const [url, text] of mistakes)
  test(`${url} is refused`, () =>
    assert.throws(
      () => parseRedisUrl(url),
      (error) =>
        error instanceof HoldfastError && error.code === "CONFIG_INVALID" && text.test(error.message),
    ));

test("no error about a URL shows its password, however it is mistyped", () => {
  for (const url of [
    "redis://user:hunter2/x@host",
    "redis://user:hun@ter2@host",
    "redis://user:hunter2@host/nodb",
    "redis://user:hunter2%zz@host",
    "redis-sentinel://a/m?sentinelPassword=hunter2&x=1",
    "redis-sentinel://user:hunter2@a",
  ])
    assert.throws(
      () => parseRedisUrl(url),
      (error) => error instanceof Error && !/hun|ter2/.test(error.message),
      url,
    );
});
