import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createPlainServer, type AddressInfo, type Socket } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { HoldfastError } from "../../src/domain/errors.ts";
import { sampleFlv, sampleStream } from "../support/sample-stream.ts";
import { startPull } from "../support/start-pull.ts";
import { waitFor } from "../support/wait.ts";

const media = sampleStream({ duration: 400 });
const file = sampleFlv(media);
const hasty = { ingest: { connectTimeout: "300ms", idleTimeout: "500ms" } } as const;

interface HttpSource {
  readonly requests: IncomingMessage[];
  readonly sockets: Socket[];
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Of `/live/cam.flv`. */
  readonly url: string;
}

/** An HTTP server that answers as the script says. */
async function sourceFor(
  t: TestContext,
  script: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpSource> {
  const requests: IncomingMessage[] = [];
  const sockets: Socket[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    script(request, response);
  });
  server.on("connection", (socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { requests, sockets, address, url: `http://${address}/live/cam.flv` };
}

/** A server that writes these bytes to whoever connects, and then does as it is told. */
async function bytesFor(t: TestContext, bytes: string | Buffer, then: "end" | "reset" | "stay" = "end") {
  const sockets: Socket[] = [];
  const server = createPlainServer((socket) => {
    sockets.push(socket);
    socket
      .on("error", () => undefined)
      .once("data", () => {
        socket.write(bytes, () => {
          if (then === "end") socket.end();
          else if (then === "reset") setTimeout(() => socket.resetAndDestroy(), 50);
        });
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { sockets, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/live/cam.flv` };
}

const flv = (_request: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { "content-type": "video/x-flv" });
  response.end(file);
};
const redirectTo =
  (location: string, status = 302) =>
  (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, { location, "content-length": 0 });
    response.end();
  };

describe("a pull of an http-flv source", () => {
  test("delivers every tag, chunked, of known length, or until the connection ends", async (t) => {
    const chunked = await sourceFor(t, (_request, response) => {
      response.writeHead(200, { "content-type": "video/x-flv" });
      // Not where tags end.
      for (let at = 0; at < file.length; at += 777) response.write(file.subarray(at, at + 777));
      response.end();
    });
    const known = await sourceFor(t, (_request, response) => {
      response.writeHead(200, { "content-length": file.length }).end(file);
    });
    const old = await bytesFor(t, Buffer.concat([Buffer.from("HTTP/1.0 200 OK\r\n\r\n"), file]));
    for (const { url } of [chunked, known, old]) {
      const pull = startPull(t, `${url}?token=s3cret`);
      assert.equal(await pull.said(), "ended");
      assert.equal(pull.opened, 1);
      assert.deepEqual(pull.packets, media);
      assert.doesNotMatch(JSON.stringify(pull.lines), /s3cret/);
    }
    const [request] = chunked.requests;
    assert.equal(request?.url, "/live/cam.flv?token=s3cret");
    assert.deepEqual(
      [request?.headers["accept-encoding"], request?.headers.connection],
      ["identity", "close"],
    );
    assert.equal(request?.headers.host, chunked.address);
  });

  test("asks for names that the URL does not escape, and for the root", async (t) => {
    const { url, address, requests } = await sourceFor(t, flv);
    for (const asked of [`http://${address}/live/kamera-ü.flv?a=ö`, `http://${address}`, `${url}?`])
      await startPull(t, asked).end;
    assert.deepEqual(requests.map((request) => request.url), ["/live/kamera-%C3%BC.flv?a=%C3%B6", "/", "/live/cam.flv"]); // prettier-ignore
  });

  test("logs in with the user and the password of the URL", async (t) => {
    const { address, requests } = await sourceFor(t, flv);
    const pull = startPull(t, `http://us%40er:pa%3Ass%C3%BC@${address}/live/cam.flv`);
    assert.equal(await pull.said(), "ended");
    const login = Buffer.from("us@er:pa:ssü").toString("base64");
    assert.equal(requests[0]?.headers.authorization, `Basic ${login}`);
    assert.doesNotMatch(JSON.stringify(pull.lines), new RegExp(`us@er|pa:ss|us%40|${login}`));
  });
});

describe("a pull of an http-flv source that is redirected", () => {
  for (const status of [301, 302, 303, 307, 308])
    test(`follows ${status}, to a URL or a path`, async (t) => {
      const there = await sourceFor(t, flv);
      const here = await sourceFor(t, (request, response) => {
        const to = request.url === "/other.flv?x=1" ? `${there.url}?redirected=1#here` : "/other.flv?x=1";
        redirectTo(to, status)(request, response);
      });
      const pull = startPull(t, here.url);
      assert.equal(await pull.said(), "ended");
      assert.deepEqual([pull.opened, pull.packets.length], [1, media.length]);
      assert.equal(there.requests[0]?.url, "/live/cam.flv?redirected=1");
    });

  test("tells its user and password to no other server, unless that asks for its own", async (t) => {
    const there = await sourceFor(t, flv);
    const here = await sourceFor(t, (request, response) => {
      redirectTo(request.url === "/again" ? there.url : "/again")(request, response);
    });
    assert.equal(await startPull(t, here.url.replace("//", "//user:password@")).said(), "ended");
    assert.deepEqual(
      here.requests.map(({ headers }) => headers.authorization !== undefined),
      [true, true],
    );
    assert.equal(there.requests[0]?.headers.authorization, undefined);
    const own = await sourceFor(t, redirectTo(there.url.replace("//", "//a:b@")));
    await startPull(t, own.url.replace("//", "//user:password@")).end;
    assert.equal(there.requests[1]?.headers.authorization, `Basic ${Buffer.from("a:b").toString("base64")}`);
  });

  test("five times, never in a circle, and to HTTP alone", async (t) => {
    const chain: HttpSource[] = [await sourceFor(t, flv)];
    for (let n = 1; n <= 6; n++) chain.push(await sourceFor(t, redirectTo(chain[n - 1]?.url ?? "")));
    assert.equal(await startPull(t, chain[5]?.url ?? "").said(), "ended");
    assert.match(await startPull(t, chain[6]?.url ?? "").said(), /^SOURCE_REFUSED: .*more than 5 times$/);
    const circle = await sourceFor(t, redirectTo("/live/cam.flv?secret=1234"));
    assert.match(await startPull(t, `${circle.url}?secret=1234`).said(), /^SOURCE_REFUSED: .*in a circle$/);
    assert.equal(circle.requests.length, 1);
    for (const to of [
      "rtmp://127.0.0.1/live/cam",
      "exec:cat%20/etc/passwd",
      "file:///etc/passwd",
      "http://:0/",
      "/a.m3u8",
      "",
    ]) {
      const { url } = await sourceFor(t, redirectTo(to));
      assert.match(await startPull(t, url).said(), /^SOURCE_REFUSED: the source redirects the pull to /, to);
    }
  });
});

describe("a pull of an http-flv source fails", () => {
  const answers: readonly [name: string, head: [number, Record<string, string>], body: Buffer | string, said: RegExp][] = [
    ["it is not there", [404, { "content-type": "text/html" }], "<html>token=s3cret", /^SOURCE_REFUSED: the source answers 404 Not Found$/],
    ["it is forbidden", [403, {}], "", /^SOURCE_REFUSED: the source answers 403 Forbidden$/],
    ["it is broken", [503, {}], "", /^SOURCE_REFUSED: the source answers 503 Service Unavailable$/],
    ["it answers something odd", [299, {}], "", /^SOURCE_REFUSED: the source answers 299$/],
    ["it wants a user", [401, { "www-authenticate": "Basic realm=x" }], "", /^SOURCE_REFUSED: the source asks for a user and a password$/],
    ["it is a page", [200, { "content-type": "text/html; charset=utf-8" }], "<!doctype html><title>Camera</title>", /^SOURCE_UNSUPPORTED: the source sends text\/html; charset=utf-8 that is not FLV/],
    ["it is MPEG-TS", [200, { "content-type": "video/mp2t" }], Buffer.alloc(188 * 4, 0x47), /^SOURCE_UNSUPPORTED: the source sends video\/mp2t that is not FLV/],
    ["its type repeats the token", [200, { "content-type": "x/s3cret" }], Buffer.alloc(20), /^SOURCE_UNSUPPORTED: the source sends something that is not FLV/],
    ["it is compressed", [200, { "content-encoding": "gzip" }], gzipSync(file), /^SOURCE_UNSUPPORTED: the source sends compressed bytes \(gzip\)/],
    ["it is empty", [200, {}], "", /^SOURCE_FAILED: the source sent nothing$/],
    ["it ends inside a tag", [200, {}], file.subarray(0, file.length - 7), /^SOURCE_FAILED: .*ends inside a tag$/],
    ["a tag is too long", [200, {}], Buffer.concat([file, Buffer.from("09ffffff00000000000000", "hex")]), /^SOURCE_FAILED: an FLV tag of 16777215 bytes is too long$/],
    ["a tag is encrypted", [200, {}], Buffer.concat([file, Buffer.from("290000010000000000000000", "hex")]), /^SOURCE_FAILED: encrypted FLV tags/],
  ]; // prettier-ignore
  for (const [name, head, body, said] of answers)
    test(`when ${name}`, async (t) => {
      const { url, sockets } = await sourceFor(t, (_request, response) =>
        response.writeHead(...head).end(body),
      );
      const pull = startPull(t, `${url}?token=s3cret`, {
        config: { limits: { messageAfterPublish: "64KB" } },
      });
      assert.match(await pull.said(), said);
      await waitFor(() => sockets.every(({ destroyed }) => destroyed));
      assert.doesNotMatch(JSON.stringify([pull.lines, await pull.end, await pull.said()]), /s3cret/);
    });

  test("when it does not know the user, or asks for another login", async (t) => {
    for (const [wanted, said] of [
      ["Basic realm=cam", /^SOURCE_REFUSED: the source does not know this user and password$/],
      [
        'Digest realm="cam", nonce="1"',
        /^SOURCE_REFUSED: the source asks for a login of another kind than Basic$/,
      ],
    ] as const) {
      const { url } = await sourceFor(t, (_request, response) =>
        response.writeHead(401, { "www-authenticate": wanted }).end(),
      );
      const end = await startPull(t, url.replace("//", "//user:hunter2@")).said();
      assert.match(end, said);
    }
  });

  test("when nobody is there, or it is no web server", async (t) => {
    assert.match(
      await startPull(t, "http://127.0.0.1:1/a.flv").said(),
      /^SOURCE_UNREACHABLE: .*ECONNREFUSED/,
    );
    assert.match(await startPull(t, "http://nowhere.invalid/a.flv?t=s3cret").said(), /^SOURCE_UNREACHABLE: .*nowhere\.invalid$/); // prettier-ignore
    const ssh = await bytesFor(t, "SSH-2.0-OpenSSH_9.2\r\n");
    assert.match(await startPull(t, ssh.url).said(), /^SOURCE_FAILED: the source does not speak HTTP$/);
    assert.match(await startPull(t, ssh.url.replace("http:", "https:")).said(), /^SOURCE_UNREACHABLE: /);
    const other = await bytesFor(
      t,
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nmore",
    );
    assert.match(await startPull(t, other.url).said(), /^SOURCE_(FAILED|REFUSED): /);
    const shut = await bytesFor(t, "");
    assert.match(await startPull(t, shut.url).said(), /^SOURCE_FAILED: the connection broke: /);
  });

  test("when its header is too long, or comes too slowly", async (t) => {
    const long = await bytesFor(t, `HTTP/1.1 200 OK\r\nx: ${"x".repeat(40_000)}\r\n\r\n`, "stay");
    assert.match(
      await startPull(t, long.url).said(),
      /^SOURCE_FAILED: the header of the source's answer is too long$/,
    );
    const slow = await bytesFor(t, "HTTP/1.1 200 OK\r\n", "stay");
    const drip = setInterval(() => slow.sockets[0]?.write("x: y\r\n"), 50);
    t.after(() => clearInterval(drip));
    const pull = startPull(t, slow.url, { config: hasty });
    assert.match(await pull.said(), /^SOURCE_FAILED: the source did not answer within 300 ms$/);
    await waitFor(() => slow.sockets[0]?.destroyed);
    const chatty = await bytesFor(t, "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(50), "stay");
    assert.match(
      await startPull(t, chatty.url, { config: hasty }).said(),
      /^SOURCE_FAILED: .*did not answer/,
    );
  });

  test("when it falls silent, before or after its first frame", async (t) => {
    const before = await sourceFor(t, (_request, response) =>
      response.writeHead(200).write(file.subarray(0, 13)),
    );
    const first = startPull(t, before.url, { config: hasty });
    assert.match(await first.said(), /^SOURCE_FAILED: the source sends no media for 500 ms$/);
    assert.equal(first.opened, 1);
    const after = await sourceFor(t, (_request, response) => response.writeHead(200).write(file));
    const second = startPull(t, after.url, { config: hasty });
    assert.match(await second.said(), /^SOURCE_FAILED: the source sends no more media for 500 ms$/);
    assert.deepEqual(second.packets, media);
    for (const { sockets } of [before, after]) await waitFor(() => sockets[0]?.destroyed);
  });

  test("when the connection breaks in the middle, chunked or not", async (t) => {
    const size = file.length.toString(16);
    for (const [head, tail] of [
      ["HTTP/1.1 200 OK\r\n\r\n", ""],
      [`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n`, "\r\n"],
      ["HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n", ""],
    ] as const) {
      const { url } = await bytesFor(t, Buffer.concat([Buffer.from(head), file, Buffer.from(tail)]), "reset");
      const pull = startPull(t, url);
      assert.match(await pull.said(), /^SOURCE_FAILED: the connection broke/, head);
      assert.deepEqual(pull.packets, media);
    }
    // In chunks and with a length an end can be told from a break: no last chunk is no end.
    const cut = await bytesFor(t, Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n`), file, Buffer.from("\r\n")])); // prettier-ignore
    assert.match(await startPull(t, cut.url).said(), /^SOURCE_FAILED: the connection broke/);
  });

  test("with what the sink throws, and delivers nothing after it", async (t) => {
    const { url, sockets } = await sourceFor(t, (_request, response) => response.writeHead(200).write(file));
    const full = new HoldfastError("LEASE_LOST");
    const refuse = () => {
      throw full;
    };
    const pull = startPull(t, url, { onPacket: refuse });
    assert.equal(await pull.end, full);
    assert.equal(pull.packets.length, 1);
    const unwanted = startPull(t, url, { onOpened: refuse });
    assert.equal(await unwanted.end, full);
    assert.equal(unwanted.packets.length, 0);
    await waitFor(() => sockets.length === 2 && sockets.every(({ destroyed }) => destroyed));
    // At the very end of the body, too.
    const ended = await sourceFor(t, flv);
    const last = startPull(t, ended.url, {
      onPacket: () => last.packets.length === media.length && refuse(),
    });
    assert.equal(await last.end, full);
  });

  test("at once with the signal's reason, and delivers nothing after it", async (t) => {
    const reason = new HoldfastError("STOPPING");
    const { url, sockets } = await sourceFor(t, (_request, response) => response.writeHead(200).write(file));
    const pull = startPull(t, url, { onPacket: () => pull.abort(reason) });
    assert.equal(await pull.end, reason);
    assert.equal(pull.packets.length, 1, "the rest of the same read is not delivered");
    await waitFor(() => sockets[0]?.destroyed);
    const silent = await sourceFor(t, () => undefined);
    const early = startPull(t, silent.url);
    await waitFor(() => silent.requests.length === 1);
    early.abort(reason);
    assert.equal(await early.end, reason);
    await waitFor(() => silent.sockets[0]?.destroyed);
  });
});
