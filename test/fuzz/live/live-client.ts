import { connect } from "node:net";
import { hashOf, Random, splitBytes } from "../engine/random.ts";
import type { ClientScript } from "./script.ts";

/** What ends the waiting between two parts. */
const ANSWER = /NetConnection\.Connect|NetStream\.\w+\.\w+|HTTP\/1\.1 \d/;
const ANSWER_MS = 60;
/** A client that stays is gone after so long: longer than the time-outs of the origin under test. */
const STAY_MS = 3_000;
/** What was sent to a client that does not look at it. */
const KEPT = 4_096;

/** Do what the script says. Resolves when the connection is closed; the value tells whether it ever stood. */
export async function runClient(address: string, { parts, leaving }: ClientScript): Promise<boolean> {
  const [host, port] = address.split(":") as [string, string];
  const socket = connect({ host, port: Number(port) });
  let stood = false;
  let closed = false;
  let answer = "";
  const end = new Promise<void>((resolve) => {
    socket.once("close", () => {
      closed = true;
      resolve();
    });
  });
  socket.on("error", () => undefined).on("connect", () => (stood = true));
  socket.on("data", (data) => (answer = (answer + data.toString("latin1")).slice(-KEPT)));
  await Promise.race([end, new Promise((resolve) => socket.once("connect", resolve))]);
  for (const part of parts) {
    for (const piece of splitBytes(part, new Random(hashOf(part)))) if (!closed) socket.write(piece);
    answer = "";
    const began = performance.now();
    while (!closed && !ANSWER.test(answer) && performance.now() - began < ANSWER_MS) await pause(5);
    if (closed) break;
  }
  if (leaving === "fin") socket.end();
  else if (leaving === "reset") socket.resetAndDestroy();
  const patience = setTimeout(() => socket.destroy(), STAY_MS);
  await end;
  clearTimeout(patience);
  return stood;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
