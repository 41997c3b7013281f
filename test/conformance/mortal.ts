import { PUBLISHERS } from "../support/publishers.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import type { Holdfast } from "../support/run-holdfast.ts";
import type { TestFleet } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";

/** An origin in a process of its own, which can be killed. */
export async function serveMortal(
  fleet: TestFleet,
  home: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ process: Holdfast; rtmp: string }> {
  const ports = ["--rtmp-port", "0", "--http-port", "0", "--api-port", "0"];
  const process = runHoldfast(
    ["serve", "--name", "mortal", "--bind", "127.0.0.1", ...ports, "--redis-url", fleet.redis.url],
    { home, env: { HOLDFAST_CLUSTER__KEY: fleet.clusterKey, HOLDFAST_LOG__LEVEL: "error", ...settings } },
  );
  const api = fleet.origins[0]?.at.api;
  const rtmp = await waitFor(
    async () => {
      const answer = await fetch(`http://${api}/api/fleet/v1/origins`);
      const { origins } = (await answer.json()) as { origins: { name: string; relay: string }[] };
      return origins.find(({ name }) => name === "mortal")?.relay;
    },
    { within: 20_000, what: "the origin in its own process" },
  );
  return { process, rtmp };
}

/** ffmpeg, publishing there wherever a test says. */
export function ffmpegTo(rtmp: string): PublisherKind {
  const { ffmpeg } = PUBLISHERS;
  return { ...ffmpeg, publish: (_, ...rest) => ffmpeg.publish({ rtmp }, ...rest) };
}
