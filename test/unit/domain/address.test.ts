import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress } from "../../../src/domain/address.ts";

test("an address has brackets where the host is an IPv6 address", () => {
  assert.equal(formatAddress("::1", 5), "[::1]:5");
  assert.equal(formatAddress("10.0.0.1", 5), "10.0.0.1:5");
  assert.equal(formatAddress("host.example", 5), "host.example:5");
});
