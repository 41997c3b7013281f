import assert from "node:assert/strict";
import { test } from "node:test";
import { Authorisation, chooseChallenge } from "../../../../../src/media/ingest/rtsp/auth.ts";

const MUFASA = { user: "Mufasa", password: "Circle of Life" };
const RFC_7616 = (algorithm: string): string =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;
const NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

void test("the answers of RFC 7616 §3.9.1 come out", () => {
  for (const [algorithm, response] of [
    ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
    ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
  ] as const) {
    const challenge = chooseChallenge([RFC_7616(algorithm)]);
    assert.ok(challenge);
    const header = new Authorisation(challenge, MUFASA, () => NONCE).header("GET", "/dir/index.html");
    assert.ok(header.includes(`response="${response}"`), header);
    assert.match(header, /qop=auth, nc=00000001, cnonce="f2\/wE4q74E6z/);
  }
});

void test("a count goes up with each request of one nonce", () => {
  const challenge = chooseChallenge([RFC_7616("MD5")]);
  assert.ok(challenge);
  const authorisation = new Authorisation(challenge, MUFASA);
  authorisation.header("GET", "/");
  assert.match(authorisation.header("GET", "/"), /nc=00000002/);
});

void test("the strongest challenge that can be answered is chosen", () => {
  const basic = 'Basic realm="a"';
  const md5 = 'Digest realm="a", nonce="1"';
  const strong = 'Digest realm="a", nonce="2", algorithm=SHA-256';
  const chosen = (...headers: string[]): string | undefined => {
    const challenge = chooseChallenge(headers);
    return challenge && (challenge.scheme === "basic" ? "basic" : challenge.hash);
  };
  assert.equal(chosen(basic, md5, strong), "sha256");
  assert.equal(chosen(`${basic}, ${md5}`), "md5");
  assert.equal(chosen(basic), "basic");
  assert.equal(chosen('Digest realm="a", nonce="1", algorithm=SHA-512-256', basic), "basic");
  assert.equal(chosen('Digest realm="a", nonce="1", qop="auth-int"'), undefined);
  assert.equal(chosen('Digest realm="a"'), undefined);
  assert.equal(chosen("Bearer x", "", "Digest"), undefined);
});

void test("a header that never comes to a value is read in no time", () => {
  const began = performance.now();
  assert.equal(chooseChallenge([`Digest ${"a".repeat(100_000)}`]), undefined);
  assert.ok(performance.now() - began < 2_000);
});
