import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { HoldfastError } from "../../../../src/domain/errors.ts";
import { startPull } from "../../../support/start-pull.ts";
import { waitFor } from "../../../support/wait.ts";

test("a URL that cannot be pulled is refused without a word of what is secret in it", async (t) => {
  for (const url of [
    "",
    "srt://u:hunter2@h:9000",
    "rtmp://u:hunter2@h/app",
    "http://u:hunter2@/x.flv",
    "http://h/x.m3u8?token=hunter2",
    "rtmp://u:hunter/2@h/live/cam",
    `rtmp://h/live/${"hunter2".repeat(2_000)}`,
  ]) {
    const pull = startPull(t, url);
    const said = await pull.said();
    assert.match(said, /^SOURCE_UNSUPPORTED: /, url);
    const { cause } = (await pull.end) as Error;
    assert.doesNotMatch(`${said} ${String(cause)}`, /hunter/);
    assert.equal(pull.opened, 0);
  }
});

test("every kind of source is ended by its signal, before and after it was dialled", async (t) => {
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await waitFor(() => server.listening);
  let connections = 0;
  server.on("connection", (socket) => {
    connections += 1;
    socket.once("close", () => (connections -= 1)).resume();
  });
  const { port } = server.address() as AddressInfo;
  const reason = new HoldfastError("LEASE_LOST");
  for (const scheme of ["rtmp", "rtmps", "http", "https", "rtsp"]) {
    const url = `${scheme}://127.0.0.1:${port}/live/cam`;
    const early = startPull(t, url);
    early.abort(reason);
    assert.equal(await early.end, reason, scheme);
    const later = startPull(t, url);
    await waitFor(() => connections > 0, { within: 20_000 });
    later.abort(reason);
    assert.equal(await later.end, reason, scheme);
    await waitFor(() => connections === 0, { within: 20_000 });
  }
});
