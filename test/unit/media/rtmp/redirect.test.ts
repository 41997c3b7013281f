import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStreamKey } from "../../../../src/domain/stream-key.ts";
import { encodeAmf0 } from "../../../../src/media/rtmp/amf0-encode.ts";
import { redirectMessage, type Redirect } from "../../../../src/media/rtmp/redirect.ts";
import { readStreamName } from "../../../../src/media/stream-name.ts";
import { decodeCommand } from "../../../../src/media/rtmp/commands.ts";
import type { AmfObject } from "../../../../src/media/rtmp/amf0.ts";

const to = (more: Partial<Redirect>): Redirect => ({
  streamId: 1,
  form: "standard",
  scheme: "rtmp",
  address: "127.0.0.1:19350",
  key: parseStreamKey("live/cam1"),
  query: "",
  ...more,
});

function exOf(redirect: Redirect): AmfObject {
  const { args } = decodeCommand(redirectMessage(redirect), { depth: 4, elements: 64 });
  return (args[1] as AmfObject)["ex"] as AmfObject;
}

/** Captured from SRS 6.0.157 as it sent /live/cam1 on 127.0.0.1:19350. */
const SRS_BYTES =
  "0200086f6e537461747573000000000000000000050300056c6576656c0200056572726f720004636f646502001e4e6574436f6e6e65" +
  "6374696f6e2e436f6e6e6563742e52656a6563746564000b6465736372697074696f6e02001152544d5020333032205265646972656374" +
  "000265780300" +
  "04636f6465004072e0000000000000087265646972656374" +
  "02001b72746d703a2f2f3132372e302e302e313a31393335302f6c69766500097265646972656374320200" +
  "2072746d703a2f2f3132372e302e302e313a31393335302f6c6976652f63616d31000009000009";

test("the SRS form is byte for byte what SRS sends", () => {
  assert.equal(redirectMessage(to({ form: "srs" })).payload.toString("hex"), SRS_BYTES);
});

test("the standard form differs in its code alone, and goes to the play's message stream", () => {
  const message = redirectMessage(to({ streamId: 3 }));
  assert.equal(message.streamId, 3);
  assert.deepEqual(
    message.payload,
    encodeAmf0("onStatus", 0, null, {
      level: "error",
      code: "NetStream.Play.StreamNotFound",
      description: "RTMP 302 Redirect",
      ex: {
        code: 302,
        redirect: "rtmp://127.0.0.1:19350/live",
        redirect2: "rtmp://127.0.0.1:19350/live/cam1",
      },
    }),
  );
});

test("the client's query is kept, and slashes in it do not move the cut between app and stream", () => {
  const ex = exOf(to({ key: parseStreamKey("a/b/cam"), query: "token=a/b&vhost=x", scheme: "rtmps" }));
  assert.equal(ex["redirect"], "rtmps://127.0.0.1:19350/a/b");
  assert.equal(ex["redirect2"], "rtmps://127.0.0.1:19350/a/b/cam?token=a/b&vhost=x");
});

test("who follows the whole URL arrives at the same key", () => {
  for (const text of ["live/my cam", "live/カメラ", "live/a=b", "live/50%25", "live/a+b&c"]) {
    const key = parseStreamKey(text);
    const ex = exOf(to({ key }));
    const path = String(ex["redirect2"]).replace("rtmp://127.0.0.1:19350/", "");
    const cut = path.lastIndexOf("/");
    const read = readStreamName(
      { app: path.slice(0, cut), tcUrl: String(ex["redirect"]) },
      path.slice(cut + 1),
      [],
    );
    assert.equal(read.key, key);
  }
});
