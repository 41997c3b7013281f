import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { readPlayName, readStreamName, type StreamName } from "../../../src/media/stream-name.ts";

interface Split {
  /** How this client splits the URL. */
  readonly client: string;
  readonly app: string;
  readonly name: string;
  readonly tcUrl?: string;
}

const VHOSTS = ["live.example.com", "Other.example"];

function read({ app, name, tcUrl }: Omit<Split, "client">): StreamName {
  return readStreamName({ app, tcUrl: tcUrl ?? `rtmp://host:1935/${app}` }, name, VHOSTS);
}

const URLS: readonly { readonly url: string; readonly key: string; readonly splits: readonly Split[] }[] = [
  {
    url: "rtmp://host/live/cam",
    key: "live/cam",
    splits: [
      { client: "ffmpeg, rtmpdump, GStreamer", app: "live", name: "cam" },
      { client: "OBS with a trailing slash", app: "live/", name: "cam" },
      { client: "OBS without a stream key", app: "live/cam", name: "" },
      { client: "only a tcUrl", app: "", name: "cam", tcUrl: "rtmp://host/live" },
      { client: "everything in the name", app: "", name: "live/cam", tcUrl: "rtmp://host/" },
      { client: "a slash before the name", app: "/live", name: "/cam/" },
      { client: "SRS and nginx pushing", app: "live", name: "cam", tcUrl: "rtmp://host:1935/live/cam" },
    ],
  },
  {
    url: "rtmp://host/a/b/cam",
    key: "a/b/cam",
    splits: [
      { client: "ffmpeg: two segments of app", app: "a/b", name: "cam" },
      { client: "a client with one segment of app", app: "a", name: "b/cam" },
    ],
  },
  {
    url: "rtmp://host/a/b/c/cam",
    key: "a/b/c/cam",
    splits: [
      { client: "ffmpeg", app: "a/b", name: "c/cam" },
      { client: "rtmpdump", app: "a/b/c", name: "cam" },
      { client: "a client with one segment of app", app: "a", name: "b/c/cam" },
    ],
  },
  {
    url: "rtmp://host/live/cam.flv",
    key: "live/cam",
    splits: [
      { client: "ffmpeg and rtmpdump cut the ending off", app: "live", name: "cam" },
      { client: "OBS and GStreamer do not", app: "live", name: "cam.flv" },
      { client: "with the Flash prefix", app: "live", name: "flv:cam" },
    ],
  },
  {
    url: "rtmp://host/live/show.mp4",
    key: "live/show.mp4",
    splits: [
      { client: "ffmpeg puts the Flash prefix in front", app: "live", name: "mp4:show.mp4" },
      { client: "OBS and GStreamer do not", app: "live", name: "show.mp4" },
    ],
  },
  {
    url: "rtmp://host/live/caf%C3%A9%201",
    key: "live/café 1",
    splits: [
      { client: "ffmpeg leaves it encoded", app: "live", name: "caf%C3%A9%201" },
      { client: "rtmpdump decodes it", app: "live", name: "café 1" },
    ],
  },
  {
    url: "rtmp://host/live/cam?token=x",
    key: "live/cam",
    splits: [
      { client: "ffmpeg, OBS", app: "live", name: "cam?token=x" },
      { client: "OBS with the query in the server", app: "live?token=x", name: "cam" },
      { client: "the query in the tcUrl only", app: "live", name: "cam", tcUrl: "rtmp://host/live?token=x" },
    ],
  },
];

for (const { url, key, splits } of URLS)
  for (const split of splits)
    test(`${url} is ${key} as ${split.client} sends it`, () => {
      const read_ = read(split);
      assert.equal(read_.key, key);
      assert.equal(read_.query, url.split("?")[1] ?? "");
      assert.equal(read_.ticket, undefined);
    });

const NAMES: readonly (readonly [name: string, key: string])[] = [
  ["a.b.c", "live/a.b.c"],
  ["key=1", "live/key=1"],
  ["my cam", "live/my cam"],
  ["a+b", "live/a+b"],
  ["100%", "live/100%"],
  ["カメラ", "live/カメラ"],
  ["mp4:cam", "live/cam"],
  ["mp4:mp4:cam", "live/cam"],
  ["cam.flv.flv", "live/cam"],
  ["cam.flv/", "live/cam"],
  [".flv", "live/.flv"],
  [".flv.flv", "live/.flv"],
  ["a/.flv.flv", "live/a/.flv"],
  ["x.flv.mp4", "live/x.flv.mp4"],
  ["x.FLV", "live/x.FLV"],
];

for (const [name, key] of NAMES)
  test(`the stream name ${JSON.stringify(name)} is ${key}`, () => {
    assert.equal(read({ app: "live", name }).key, key);
  });

test("a long name is read in time that grows with its length, not with its square", () => {
  const long = 250_000;
  for (const name of [
    `x${".flv".repeat(long / 4)}x`,
    "/".repeat(long),
    "flv:".repeat(long / 4),
    "&".repeat(long),
  ]) {
    const began = performance.now();
    assert.throws(() => read({ app: "", name: `${name}?${name}`, tcUrl: "" }), HoldfastError);
    // Seconds, where an expression looks for the end from every beginning.
    assert.ok(performance.now() - began < 1_000, name.slice(0, 8));
  }
});

const VHOST_CASES: readonly (readonly [where: string, split: Omit<Split, "client">, key: string])[] = [
  ["the stream", { app: "live", name: "cam?vhost=live.example.com" }, "//live.example.com/live/cam"],
  ["the app", { app: "live?vhost=live.example.com", name: "cam" }, "//live.example.com/live/cam"],
  [
    "the tcUrl",
    { app: "live", name: "cam", tcUrl: "rtmp://h/live?vhost=live.example.com" },
    "//live.example.com/live/cam",
  ],
  ["capitals", { app: "live", name: "cam?vhost=OTHER.Example" }, "//other.example/live/cam"],
  ["an unknown name", { app: "live", name: "cam?vhost=nobody.example" }, "live/cam"],
  ["SRS's default", { app: "live", name: "cam?vhost=__defaultVhost__" }, "live/cam"],
  ["nothing", { app: "live", name: "cam?vhost=" }, "live/cam"],
];

for (const [where, split, key] of VHOST_CASES)
  test(`vhost= in ${where} gives ${key}`, () => assert.equal(read(split).key, key));

test("the queries of name, app and tcUrl are joined, the first one to set a parameter counts", () => {
  const { query } = read({
    app: "live?a=2&b=3",
    name: "cam?a=1&a=1b",
    tcUrl: "rtmp://host/live?b=9&c=x%20y&&",
  });
  assert.equal(query, "a=1&a=1b&b=3&c=x%20y");
});

const play = (app: string, name: string) => readPlayName({ app, tcUrl: `rtmp://host/${app}` }, name, VHOSTS);

test("the ticket is taken out of the query of a play, and of nothing else", () => {
  const query = "a=1&holdfast-ticket=s.3%2Fcret&b=2";
  const name = play("live?vhost=x", `cam?${query}`);
  assert.equal(name.ticket, "s.3/cret");
  assert.equal(name.query, "a=1&b=2&vhost=x");
  assert.deepEqual(read({ app: "live", name: `cam?${query}` }), { key: "live/cam", query });
});

test("a parameter that users call ticket is theirs", () => {
  assert.deepEqual(play("live", "cam.flv?ticket=t&b=2"), { key: "live/cam", query: "ticket=t&b=2" });
  assert.equal(read({ app: "live", name: "cam?ticket=t" }).query, "ticket=t");
});

test("another origin's name is taken as it is", () => {
  assert.equal(play("live", "mp4:x.flv?holdfast-ticket=t").key, "live/mp4:x.flv");
  assert.equal(play("live", "50%2525.flv?holdfast-ticket=t").key, "live/50%25.flv");
  assert.equal(read({ app: "live", name: "mp4:x.flv?holdfast-ticket=t" }).key, "live/x");
});

const BAD: readonly (readonly [why: string, split: Omit<Split, "client">, detail: RegExp])[] = [
  ["no stream", { app: "live", name: "" }, /stream name is empty/],
  ["nothing", { app: "", name: "", tcUrl: "" }, /app name is empty/],
  ["a step up", { app: "live", name: "../x" }, /not segments/],
  ["an encoded step up", { app: "live", name: "%2e%2e/x" }, /not segments/],
  ["a line feed", { app: "live", name: "a%0Ab" }, /not allowed/],
  ["an encoded question mark", { app: "live", name: "a%3Fb" }, /not allowed/],
  ["an empty segment", { app: "a//b", name: "c" }, /empty segment/],
  ["a very long name", { app: "live", name: "x".repeat(600) }, /longer than/],
];

for (const [why, split, detail] of BAD)
  test(`a name with ${why} is refused`, () => {
    assert.throws(
      () => read(split),
      (error) =>
        error instanceof HoldfastError && error.code === "STREAM_NAME_INVALID" && detail.test(error.message),
    );
  });

test("a tcUrl that is no URL does no harm", () => {
  for (const tcUrl of ["live", "://", "rtmp://", "rtmp://host", "?a=1", "%", "//x?"])
    assert.equal(readStreamName({ app: "live", tcUrl }, "cam", []).key, "live/cam");
});
