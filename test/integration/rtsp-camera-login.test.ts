import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { CameraServer, type CameraRequest, type CameraScript } from "../support/camera-server.ts";
import { goodbye, interleaved, PictureSender } from "../support/rtp.ts";
import { runRtspPull } from "../support/run-rtsp-pull.ts";

const LOGIN = "admin:s%C3%A9cret%2F%221%22";
const [USER, PASSWORD] = ["admin", 'sécret/"1"'];
const MEDIA = Buffer.concat([
  new PictureSender().picture({ key: true, timestamp: 0 }),
  interleaved(1, goodbye()),
]);

async function start(t: TestContext, script: CameraScript): Promise<CameraServer> {
  const camera = await CameraServer.start(script);
  t.after(() => camera.stop());
  return camera;
}

function withLogin(url: string): string {
  return url.replace("//", `//${LOGIN}@`);
}

/** What a pull was refused with. */
async function refusal(t: TestContext, script: CameraScript): Promise<string> {
  const camera = await start(t, script);
  const error = await runRtspPull(t, withLogin(camera.url)).end;
  assert.ok(error instanceof HoldfastError, String(error));
  return `${error.code}: ${error.message}`;
}

/** A camera that wants Digest, written down from RFC 7616 §3.4 anew. */
function digestCamera(
  challenge: string,
  hash: "md5" | "sha256",
): Required<Pick<CameraScript, "reply">> & { nonce: number } {
  const digest = (text: string): string => createHash(hash).update(text).digest("hex");
  const camera = {
    nonce: 1,
    reply({ method, uri, headers }: CameraRequest) {
      if (method === "OPTIONS") return undefined;
      const given = new Map(
        [...(headers.get("authorization") ?? "").matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(
          ([, name = "", quoted, plain]) => [name, quoted ?? plain ?? ""],
        ),
      );
      const part = (name: string): string => given.get(name) ?? "";
      const qop = challenge.includes("qop") ? `${part("nc")}:${part("cnonce")}:auth:` : "";
      const own = digest(`${USER}:cam (1):${PASSWORD}`);
      const wanted = digest(`${own}:n${camera.nonce}:${qop}${digest(`${method}:${uri}`)}`);
      if (part("response") === wanted && part("uri") === uri) return undefined;
      const stale = part("nonce") !== "" && part("nonce") !== `n${camera.nonce}` ? ", stale=true" : "";
      const value = `Digest realm="cam (1)", nonce="n${camera.nonce}", ${challenge}${stale}`;
      return { status: "401 Unauthorized", headers: { "WWW-Authenticate": value } };
    },
  };
  return camera;
}

for (const [name, challenge, hash] of [
  ["MD5 with qop", 'qop="auth-int,auth", algorithm=MD5', "md5"],
  ["MD5 of old", 'opaque="x"', "md5"],
  ["SHA-256", "algorithm=SHA-256, qop=auth", "sha256"],
] as const) {
  void test(`Digest with ${name} is answered, also when the nonce wears out`, async (t) => {
    const digest = digestCamera(challenge, hash);
    const camera = await start(t, {
      media: MEDIA,
      reply(request) {
        if (request.method === "SETUP") digest.nonce = 2;
        return digest.reply(request);
      },
    });
    assert.equal(await runRtspPull(t, withLogin(camera.url)).end, undefined);
    assert.deepEqual(camera.methods(), "OPTIONS DESCRIBE DESCRIBE SETUP SETUP PLAY TEARDOWN".split(" "));
    assert.ok(camera.requests.every(({ uri }) => !uri.includes("@")));
  });
}

void test("Basic is answered, and Digest where both are offered", async (t) => {
  const both = await start(t, {
    media: MEDIA,
    reply: ({ headers, method }) =>
      headers.has("authorization") || method === "OPTIONS"
        ? undefined
        : {
            status: "401 No",
            headers: { "WWW-Authenticate": 'Basic realm="a", Digest realm="a", nonce="b"' },
          },
  });
  assert.equal(await runRtspPull(t, withLogin(both.url)).end, undefined);
  assert.match(both.requests[2]?.headers.get("authorization") ?? "", /^Digest username="admin"/);
  const basic = await start(t, {
    media: MEDIA,
    reply: ({ headers, method }) =>
      headers.get("authorization") === `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}` ||
      method === "OPTIONS"
        ? undefined
        : { status: "401 No", headers: { "www-authenticate": 'Basic realm="a"' } },
  });
  assert.equal(await runRtspPull(t, withLogin(basic.url)).end, undefined);
});

void test("redirects are followed, but not for ever, and credentials stay at home", async (t) => {
  const there = await start(t, { media: MEDIA });
  const here = await start(t, {
    reply: ({ method }) =>
      method === "DESCRIBE"
        ? { status: "302 Found", headers: { Location: `rtsp://127.0.0.1:${there.port}/other` } }
        : undefined,
  });
  assert.equal(await runRtspPull(t, withLogin(here.url)).end, undefined);
  assert.match(there.requests[1]?.uri ?? "", /\/other$/);
  assert.ok(there.requests.every(({ headers }) => !headers.has("authorization")));
  let hops = 0;
  const round: CameraScript = {
    reply: ({ method, uri }) =>
      method === "DESCRIBE" ? { status: "301 Moved", headers: { Location: `${uri}${++hops}` } } : undefined,
  };
  assert.match(await refusal(t, round), /^SOURCE_REFUSED: .*more than 3 times/);
  const http: CameraScript = {
    reply: ({ method }) =>
      method === "DESCRIBE"
        ? { status: "302 Found", headers: { Location: "http://127.0.0.1/x.flv" } }
        : undefined,
  };
  assert.match(await refusal(t, http), /^SOURCE_REFUSED: .*http:, which is not followed/);
});
