import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { HostileInput } from "../support/hostile-forms.ts";
import { HOSTILE_INPUTS } from "../support/hostile-inputs.ts";
import { HostileStage } from "../support/hostile-stage.ts";
import { waitFor } from "../support/wait.ts";
import type { WireClient } from "../support/wire-client.ts";
import { settled } from "../support/wire-session.ts";

const PATIENCE = 20_000;
let stage: HostileStage;
before(async () => {
  stage = await HostileStage.open();
});
after(() => stage.close());

function begin({ after: state, name }: HostileInput): Promise<WireClient> {
  if (state === "handshake") return stage.dial();
  return state === "connect" ? stage.connected() : stage.publishing(`hostile-${name}`);
}

for (const input of HOSTILE_INPUTS)
  test(`${input.name} after ${input.after}: ${input.ends ?? "the connection goes on"}`, async () => {
    const { send, ends, told } = input;
    let client: WireClient | undefined;
    const line = await stage.oneEnd(async () => {
      client = await begin(input);
      send(client);
      if (ends) return client.end(PATIENCE);
      if (input.after !== "handshake") await settled(client);
      await stage.undisturbed();
      assert.equal(client.ended, undefined);
      client.close();
    });
    assert.equal(line["code"], ends ?? "CLIENT_LEFT");
    if (ends) assert.ok(String(line["reason"]).length > 5);
    const statuses =
      client?.commands().filter(({ name, args }) => name === "onStatus" && isError(args[1])) ?? [];
    assert.equal(statuses.length, told ? 1 : 0);
    if (!told) return;
    const status = await (client as WireClient).status(told);
    assert.equal(status.info["level"], "error");
    assert.ok(String(status.info["description"]).length > 5);
  });

function isError(info: unknown): boolean {
  return (info as { level?: unknown } | undefined)?.level === "error";
}

test("every hostile client is gone", async () => {
  await waitFor(() => stage.origin.streams().length === 1, {
    within: PATIENCE,
    what: "the end of their streams",
  });
  await stage.undisturbed();
});
