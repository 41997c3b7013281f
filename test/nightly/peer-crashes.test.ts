import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { freePort } from "../support/free-port.ts";
import type { HostileInput } from "../support/hostile-forms.ts";
import { HOSTILE_INPUTS } from "../support/hostile-inputs.ts";
import { HOSTILE_REQUESTS, speak } from "../support/hostile-requests.ts";
import { Program } from "../support/run-program.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { media } from "../support/wire-session.ts";

const SERVER = join(import.meta.dirname, "../../scripts/bench/peers/nms.mjs");
const PATIENCE = { within: 20_000 };

/** node-media-server 4.4.3: the same inputs must be able to end a server, or the suite against ours shows nothing. */
let dir: string;
let peer: { readonly program: Program; readonly rtmp: string; readonly http: string } | undefined;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-peer-"));
});
after(async () => {
  await peer?.program.stop();
  await rm(dir, { recursive: true, force: true });
});

async function startPeer() {
  await peer?.program.stop();
  const [rtmp, http] = [await freePort(), await freePort()];
  const script = `cd ${JSON.stringify(dir)} && exec ${JSON.stringify(process.execPath)} ${JSON.stringify(SERVER)} ${rtmp} ${http}`;
  const program = new Program("node-media-server", "sh", ["-c", script], { timeoutMs: 600_000 });
  const started = { program, rtmp: `127.0.0.1:${rtmp}`, http: `127.0.0.1:${http}` };
  peer = started;
  await waitFor(
    async () => {
      assert.ok(program.running, program.stderr);
      (await WireClient.open(started.rtmp)).close();
      return (await fetch(`http://${started.http}/`)).status > 0;
    },
    { ...PATIENCE, what: "node-media-server" },
  );
  return started;
}

async function begin(address: string, { after: state, name }: Pick<HostileInput, "after" | "name">) {
  const client = await WireClient.open(address);
  if (state === "handshake") return client;
  await client.connectTo("live");
  if (state === "connect") return client;
  await client.call("createStream", null);
  client.tell(1, "publish", null, name, "live");
  await client.status("NetStream.Publish.Start");
  return client;
}

const ending = (name: string) =>
  waitFor(() => !peer?.program.running, { ...PATIENCE, what: `the end of node-media-server by ${name}` });

for (const input of HOSTILE_INPUTS.filter(({ fatal }) => fatal))
  test(`${input.name} ends node-media-server`, async () => {
    const { rtmp } = await startPeer();
    const client = await begin(rtmp, input);
    input.send(client);
    await ending(input.name);
    client.close();
  });

for (const { name, request } of HOSTILE_REQUESTS.filter(({ fatal }) => fatal))
  test(`${name} ends node-media-server`, async () => {
    const { http } = await startPeer();
    const { socket } = speak(http, request);
    await ending(name);
    socket.destroy();
  });

test("ts-resume-overflow ends node-media-server", async () => {
  const { rtmp } = await startPeer();
  const header = media(MESSAGE.video, videoHeader());
  const picture = (timestamp: number) => media(MESSAGE.video, videoFrame({ key: true }), timestamp);
  const first = await begin(rtmp, { after: "publish", name: "resumed" });
  for (const message of [header, picture(1_000_000)]) first.send(message);
  // Long enough for the picture to be taken: it answers no call that it does not know.
  await first.call("createStream", null);
  first.close();
  const second = await begin(rtmp, { after: "publish", name: "resumed" });
  for (const message of [header, picture(0), picture(0xffff_fff0)]) second.send(message);
  await ending("ts-resume-overflow");
  second.close();
});
