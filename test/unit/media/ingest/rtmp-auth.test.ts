import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { answerToWho, asksWho } from "../../../../src/media/ingest/rtmp-auth.ts";

const REJECT = "[ AccessManager.Reject ] : ";
const NEED = `${REJECT}[ code=403 need auth; authmod=adobe ] : `;
const CHALLENGE = `${REJECT}[ authmod=adobe ] : ?reason=needauth&user=anna&salt=c2FsdA+=&challenge=Y2hhbA==&opaque=b3A+/w==`;
const anna = { user: "anna b", password: "pä" };
const md5 = (text: string) => createHash("md5").update(text).digest("base64");

describe("a login at an rtmp source", () => {
  test("is asked for by the mode in the description, and by nothing else", () => {
    for (const text of [NEED, CHALLENGE, "x authmod=llnw y"]) assert.ok(asksWho(text));
    for (const text of ["", "no", "[ code=403 forbidden ]", "noauthmod=adobe"]) assert.ok(!asksWho(text));
  });

  test("begins with the name, then answers the challenge", () => {
    assert.equal(answerToWho(NEED, anna, 0), "?authmod=adobe&user=anna%20b");
    const answer = answerToWho(CHALLENGE, anna, 1);
    const query = new URLSearchParams(answer.replaceAll("+", "%2B"));
    const ours = query.get("challenge") ?? "";
    assert.match(ours, /^[0-9a-f]{8}$/);
    assert.equal(query.get("opaque"), "b3A+/w==");
    assert.equal(query.get("response"), md5(md5("anna bc2FsdA+=pä") + "b3A+/w==" + ours));
    const plain = new URLSearchParams(
      answerToWho(CHALLENGE.replace(/&opaque=.*/, ""), anna, 1).replaceAll("+", "%2B"),
    );
    assert.equal(plain.get("response"), md5(md5("anna bc2FsdA+=pä") + "Y2hhbA==" + plain.get("challenge")));
    assert.equal(plain.has("opaque"), false);
  });

  const refusals: readonly [name: string, description: string, user: string, asked: number, said: RegExp][] = [
    ["the mode is another one", "code=403 need auth; authmod=llnw", "anna", 0, /of the kind llnw, which is not supported/],
    ["there is no user in the URL", NEED, "", 0, /asks for a user and a password/],
    ["the user is unknown", `${REJECT}[ authmod=adobe ] : ?reason=nosuchuser&opaque=x`, "anna", 1, /does not know/],
    ["the password is wrong", `${REJECT}[ authmod=adobe ] : ?reason=authfailed&opaque=x`, "anna", 2, /does not know/],
    ["it asks for the name for ever", NEED, "anna", 1, /does not know/],
    ["it asks for an answer for ever", CHALLENGE, "anna", 2, /does not know/],
  ]; // prettier-ignore
  for (const [name, description, user, asked, said] of refusals)
    test(`is refused when ${name}`, () => {
      assert.throws(() => answerToWho(description, { user, password: "p" }, asked), {
        code: "SOURCE_REFUSED",
        message: said,
      });
    });
});
