import assert from "node:assert/strict";
import { test } from "node:test";
import { advertisedAddresses } from "../../../src/config/advertise.ts";
import { configSchema, type ConfigInput } from "../../../src/config/schema.ts";

const bound = { rtmp: 19350, http: 18080 };

const rows: { name: string; config: ConfigInput; expected: object }[] = [
  {
    name: "nothing written: no public address, the host name inside the fleet",
    config: {},
    expected: { rtmp: "", http: "", relay: "box:19350", peer: "box:18080" },
  },
  {
    name: "a single listening address is also the fleet-internal one",
    config: { bind: "127.0.0.1" },
    expected: { rtmp: "", http: "", relay: "127.0.0.1:19350", peer: "127.0.0.1:18080" },
  },
  {
    name: "an IPv6 address gets brackets",
    config: { bind: "::1" },
    expected: { rtmp: "", http: "", relay: "[::1]:19350", peer: "[::1]:18080" },
  },
  {
    name: "templates are filled in and port 0 is the bound port",
    config: {
      name: "o1",
      advertise: { rtmp: "{name}.origins.example:1935", http: "127.0.0.1:0", relay: "{hostname}:0" },
    },
    expected: {
      rtmp: "o1.origins.example:1935",
      http: "127.0.0.1:18080",
      relay: "box:19350",
      peer: "box:18080",
    },
  },
];

for (const row of rows) {
  test(`advertised addresses: ${row.name}`, () => {
    assert.deepEqual(advertisedAddresses(configSchema.parse(row.config), bound, "box"), row.expected);
  });
}
