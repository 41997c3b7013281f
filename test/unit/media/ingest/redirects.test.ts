import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseSourceUrl, type NetworkSource } from "../../../../src/domain/source-url.ts";
import { RedirectTrail, shown, urlOf } from "../../../../src/media/ingest/redirect-trail.ts";
import { redirectedUrl } from "../../../../src/media/ingest/rtmp-redirect.ts";
import { sourceWords } from "../../../../src/media/ingest/source-words.ts";

const source = (url: string): NetworkSource => parseSourceUrl(url) as NetworkSource;

describe("the URL that an rtmp redirect means", () => {
  const from = source("rtmp://a/x%20y/z/cam%231?t=1/2");
  for (const [location, url] of [
    ["rtmp://b/live/other?q=1", "rtmp://b/live/other?q=1"],
    ["rtmp://b:1936/live", "rtmp://b:1936/live/cam%231?t=1/2"],
    ["rtmp://b/live/", "rtmp://b/live/cam%231?t=1/2"],
    ["rtmp://b", "rtmp://b/x%20y/z/cam%231?t=1/2"],
    ["rtmps://[::1]:443/", "rtmps://[::1]:443/x%20y/z/cam%231?t=1/2"],
    ["rtmp://b/x%20y/z", "rtmp://b/x%20y/z/cam%231?t=1/2"],
    ["rtmp://b/x y/z", "rtmp://b/x y/z/cam%231?t=1/2"],
    ["rtmp://b/x%20y/z/cam%231", "rtmp://b/x%20y/z/cam%231"],
    ["rtmp://b/%/y", "rtmp://b/%/y"],
    ["not a URL", "not a URL"],
    ["", ""],
  ] as const)
    test(`${location} is ${url}`, () => assert.equal(redirectedUrl(location, from), url));
});

describe("a trail of redirects", () => {
  const login = (first: string, to: string): string => {
    const next = new RedirectTrail(source(first), ["http", "https", "rtmp", "rtmps"], 3).follow(to);
    return `${next.user}:${next.password}`;
  };

  test("keeps user and password for the server that they were given for", () => {
    for (const [first, to, kept] of [
      ["http://u:p@cam/a.flv", "http://CAM/b.flv", true],
      ["http://u:p@cam/a.flv", "https://cam/a.flv", true],
      ["http://u:p@cam/a.flv", "http://cam:8080/a.flv", false],
      ["http://u:p@cam:81/a.flv", "https://cam/a.flv", false],
      ["http://u:p@cam/a.flv", "http://cam.evil/a.flv", false],
      ["https://u:p@cam/a.flv", "http://cam/a.flv", false],
      ["https://u:p@cam/a.flv", "http://cam:443/a.flv", false],
      ["rtmp://u:p@cam/live/a", "rtmp://cam/live/b", true],
      ["rtmps://u:p@cam/live/a", "rtmp://cam/live/a", false],
    ] as const)
      assert.equal(login(first, to), kept ? "u:p" : ":", `${first} to ${to}`);
    assert.equal(login("http://u:p@cam/a.flv", "http://x:y@other/a.flv"), "x:y");
  });

  test("is not deceived about circles by case or by the standard port", () => {
    const trail = new RedirectTrail(source("http://Cam/a.flv?x=1"), ["http"], 9);
    assert.throws(() => trail.follow("http://cam:80/a.flv?x=1"), {
      code: "SOURCE_REFUSED",
      message: /circle/,
    });
    trail.follow("http://cam/a.flv?x=2");
    assert.equal(trail.hops, 1);
    assert.throws(() => trail.follow("http://u:p@cam/a.flv?x=2"), /circle/);
  });

  test("says of a URL that it does not take no more than is known already", () => {
    const trail = new RedirectTrail(source("http://cam/a.flv"), ["http"], 9);
    for (const url of [
      "http://u:hunter2@/a.flv",
      "http://u:hunter2@h:99999/",
      "ftp://u:hunter2@h/",
      `http://h/${"hunter2".repeat(2_000)}`,
    ])
      assert.throws(
        () => trail.follow(url),
        (error: Error) => !/hunter2/.test(`${error.message}${String(error.cause)}`),
      );
  });

  test("is shown without user, password and values", () => {
    const secret = source("http://u:p@[::1]:8080/a.flv?token=abc&x");
    assert.equal(urlOf(secret), "http://[::1]:8080/a.flv?token=abc&x");
    assert.equal(shown(secret), "http://[::1]:8080/a.flv?token=***&***");
  });
});

describe("a source's own words", () => {
  const secret = source("rtmp://us%40er:p%3A@h/live/cam?token=a%2Fb&n=1&flag");
  for (const [words, kept] of [
    ["  no\r\nsuch\u0000stream ", "no such stream"],
    ["x".repeat(500), "x".repeat(200)],
    [`${"x".repeat(500)}a/b`, ""],
    ["token a/b", ""],
    ["token a%2Fb", ""],
    ["user us@er", ""],
    ["us%40er", ""],
    ["wrong p:", ""],
    ["no flag", ""],
    ["number 1 of 2", "number 1 of 2"],
  ] as const)
    test(`${JSON.stringify(words.slice(0, 30))} becomes ${JSON.stringify(kept.slice(0, 30))}`, () => {
      assert.equal(sourceWords(words, secret), kept);
    });
});

const anything = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.webUrl({ withQueryParameters: true }), fc.string().map((text) => `rtmp://${text}`)); // prettier-ignore

test("whatever a source redirects to, it is a source or refused, and its URL is not quoted", () => {
  const from = source("rtmp://u:p@a/live/cam?token=t0ken");
  fc.assert(
    fc.property(anything, (location) => {
      const trail = new RedirectTrail(from, ["rtmp", "rtmps"], 3);
      try {
        const next = trail.follow(redirectedUrl(location, from));
        assert.ok(["rtmp", "rtmps"].includes(next.scheme) && next.app !== "" && next.stream !== "");
      } catch (error) {
        assert.equal((error as { code?: string }).code, "SOURCE_REFUSED");
        assert.ok(!(error as Error).message.includes("t0ken"));
      }
    }),
  );
});

test("whatever a source says, no secret of the URL is in what is shown of it", () => {
  const secrets = ["hunter2", "s3cr=t", "t/ok+en"] as const;
  const [password, user, token] = secrets;
  const secret = source(
    `rtmp://${encodeURIComponent(user)}:${password}@h/live/cam?token=${encodeURIComponent(token)}&x=1`,
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...secrets))), (parts) => {
      const shownWords = sourceWords(parts.join(" "), secret);
      for (const one of secrets) assert.ok(!shownWords.includes(one));
      assert.ok(shownWords.length <= 200 && !/[\p{Cc}]/u.test(shownWords));
    }),
  );
});
