import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PUBLISHERS } from "../support/publishers.ts";
import { WireClient } from "../support/wire-client.ts";
import type { TestOrigin } from "../support/start-fleet.ts";
import { Stage } from "./stage.ts";
import type { FleetOptions } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";

/** What an SRS edge says of itself: a second argument of `connect`. */
const EDGE = {
  srs_sig: "SRS",
  srs_server: "SRS/6.0.157(Hang)",
  srs_license: "MIT",
  srs_version: "6.0.157",
  srs_pid: 1,
  srs_id: "x",
};

async function playAsEdge(origin: TestOrigin, name: string): Promise<WireClient> {
  const client = await WireClient.open(origin.at.rtmp);
  await client.connectTo("live", { flashVer: "FMLE/3.0" }, EDGE);
  await client.call("createStream", null);
  client.tell(1, "play", null, name, -2000);
  return client;
}

const text = (value: string) => {
  const bytes = Buffer.alloc(2 + Buffer.byteLength(value));
  bytes.writeUInt16BE(bytes.length - 2);
  bytes.write(value, 2);
  return bytes;
};
const string = (value: string) => Buffer.concat([Buffer.from([2]), text(value)]);
const number = (value: number) => {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(value, 1);
  return bytes;
};
const object = (...members: (readonly [string, Buffer])[]) =>
  Buffer.concat([
    Buffer.from([3]),
    ...members.flatMap(([name, value]) => [text(name), value]),
    Buffer.from([0, 0, 9]),
  ]);

/** The 302 byte by byte, as SRS edges read it. */
function redirectBytes(code: string, description: string, address: string, name: string): Buffer {
  return Buffer.concat([
    string("onStatus"),
    number(0),
    Buffer.from([5]),
    object(
      ["level", string("error")],
      ["code", string(code)],
      ["description", string(description)],
      [
        "ex",
        object(
          ["code", number(302)],
          ["redirect", string(`rtmp://${address}/live`)],
          ["redirect2", string(`rtmp://${address}/live/${name}`)],
        ),
      ],
    ),
  ]);
}

const FORMS: readonly { form: string; code: string; config: FleetOptions["config"] }[] = [
  { form: "standard", code: "NetStream.Play.StreamNotFound", config: {} },
  { form: "srs", code: "NetConnection.Connect.Rejected", config: { play: { redirectForm: "srs" } } },
];

for (const { form, code, config } of FORMS)
  describe(`an SRS edge, redirects in the ${form} form`, () => {
    const stage = new Stage();
    const clients: WireClient[] = [];
    before(async () => {
      await stage.open({ config: { ...config, advertise: { rtmp: "127.0.0.1:0" } } });
      await stage.publish(PUBLISHERS.wire, "live/edge", { video: "h264", audio: "aac" });
    });
    after(async () => {
      for (const client of clients) client.close();
      await stage.close();
    });

    test("it gets the 302 with the owner's address, byte by byte, and the connection is closed", async () => {
      const client = await playAsEdge(stage.away, "edge?token=abc");
      clients.push(client);
      const { message, info } = await client.status(code);
      const description = String(info["description"]);
      const bytes = redirectBytes(code, description, stage.home.at.rtmp, "edge?token=abc");
      assert.equal(message.payload.toString("hex"), bytes.toString("hex"));
      assert.equal(message.streamId, 1);
      assert.ok(!client.arrivals.some(({ message: { type } }) => type === 8 || type === 9));
      await client.end();
    });

    test("it is served where the 302 leads", async () => {
      const client = await playAsEdge(stage.home, "edge?token=abc");
      clients.push(client);
      await client.status("NetStream.Play.Start");
      await waitFor(() => client.arrivals.some(({ message }) => message.type === 9), { what: "pictures" });
    });

    test("an unknown stream is refused without a 302", async () => {
      const client = await playAsEdge(stage.away, "nobody");
      clients.push(client);
      const { info } = await client.status();
      assert.equal(info["code"], "NetStream.Play.StreamNotFound");
      assert.equal(info["ex"], undefined);
    });

    test("any other player at the same origin is served through a relay", async () => {
      const client = await WireClient.open(stage.away.at.rtmp);
      clients.push(client);
      await client.connectTo("live");
      await client.call("createStream", null);
      client.tell(1, "play", null, "edge", -2000);
      await client.status("NetStream.Play.Start");
      await waitFor(() => client.arrivals.some(({ message }) => message.type === 9), { what: "pictures" });
    });
  });
