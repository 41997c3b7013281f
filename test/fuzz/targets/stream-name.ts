import fc from "fast-check";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { MAX_KEY_BYTES, parseStreamKey, splitStreamKey } from "../../../src/domain/stream-key.ts";
import { readFlvTarget, redirectLocation } from "../../../src/media/flv/flv-request.ts";
import { readPlayName, readStreamName, type StreamName } from "../../../src/media/stream-name.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { regressions } from "../seeds.ts";

const VHOSTS = ["other.example", "Third.Example"];
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f]/;

/** App, tcUrl, name and HTTP target, NUL between them. */
function run(input: Buffer): void {
  const [app = "", tcUrl = "", name = "", url = ""] = input.toString().split("\0");
  const failures: HoldfastError[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== "STREAM_NAME_INVALID") throw error;
      failures.push(error);
      return undefined;
    }
  };
  check(attempt(() => readStreamName({ app, tcUrl }, name, VHOSTS)));
  check(attempt(() => readPlayName({ app, tcUrl }, name, VHOSTS)));
  const target = attempt(() => readFlvTarget(url, VHOSTS));
  if (target) {
    check(target);
    const location = redirectLocation("o2.example:8080", target);
    must(!UNPRINTABLE.test(location.replace(target.query, "")), "a redirect holds a control character");
    const { vhost } = splitStreamKey(target.key);
    const again = readFlvTarget(location, VHOSTS);
    must(again.redirected, "a redirect is not marked");
    // The vhost travels in the query, as it came.
    must(splitStreamKey(again.key).vhost === vhost, "a redirect leads to another vhost");
    must(again.key === target.key && again.query === target.query, "a redirect leads elsewhere");
  }
  const key = attempt(() => parseStreamKey(url));
  if (key !== undefined) must(parseStreamKey(key) === key, "a key is another key when it is read again");
  if (failures.length > 0) throw failures[0] as HoldfastError;
}

function check(read: StreamName | undefined): void {
  if (!read) return;
  must(Buffer.byteLength(read.key) <= MAX_KEY_BYTES, "a key is too long");
  must(!UNPRINTABLE.test(read.key), "a key has control characters");
  must(parseStreamKey(read.key) === read.key, "a key is another key when it is read again");
  const { app, stream } = splitStreamKey(read.key);
  must(app !== "" && stream !== "" && !stream.includes("/"), "a key has an empty part");
}

const part = fc.oneof(
  fc.constantFrom(
    "live",
    "cam",
    "cam.flv",
    "mp4:cam",
    ".",
    "..",
    "%2F",
    "%",
    "%00",
    "ü",
    "\ud800",
    "a b",
    " ",
    "",
    "//",
    "x".repeat(200),
  ),
  fc.string({ maxLength: 6, unit: "binary" }),
);
const query = fc.constantFrom(
  "",
  "?",
  "?a=b",
  "?vhost=other.example",
  "?vhost=x&a",
  "?holdfast-ticket=v1.a",
  "?redirected=1",
  "?a=b&a=c",
  "?%61=%zz",
);
const path = fc.tuple(fc.array(part, { maxLength: 5 }), query).map(([parts, end]) => parts.join("/") + end);
const url = fc
  .tuple(fc.constantFrom("", "rtmp://h:1935/", "http://h/", "/", "//"), path)
  .map((parts) => parts.join(""));

export const target: FuzzTarget = {
  name: "stream-name",
  codes: ["STREAM_NAME_INVALID"],
  structure: fc.tuple(path, url, path, url).map((parts) => Buffer.from(parts.join("\0"))),
  seeds: [
    Buffer.from("live\0rtmp://h:1935/live\0cam?a=b\0/live/cam.flv?a=b&redirected=1"),
    Buffer.from("live?vhost=other.example\0rtmp://h/live\0a/b/cam\0//other.example/live/cam"),
    ...regressions("stream-name"),
  ],
  words: [
    "\0",
    "/",
    "//",
    "%2f",
    "%",
    "?",
    "&",
    "=",
    "vhost=",
    "other.example",
    "holdfast-ticket=",
    "redirected=1",
    ".flv",
    "mp4:",
    "..",
    "\u2028",
  ],
  mostBytes: 2_048,
  mostSteps: (bytes) => 50_000 + 2_000 * bytes,
  mostMemory: (bytes) => ({ largest: 65_536 + bytes, total: 262_144 + 64 * bytes }),
  run,
};
