import type { Fleet } from "../fleet/fleet.ts";
import type { Authorize, PeerDoor } from "./routes-peer.ts";

type Member = Pick<Fleet, "clusterKey" | "session" | "ingests">;

/** What other origins may ask of the process `target`; `undefined` without a `cluster.key`: nothing then. */
export function peerDoor({ clusterKey, session, ingests }: Member, target: string): PeerDoor | undefined {
  if (!clusterKey) return undefined;
  return {
    admit: (header, subject) =>
      clusterKey.admitHeader(header, { purpose: "peer", target, subject }, session.now()),
    pullsNow: (stream) => ingests.pullsNow(stream),
  };
}

/** How this origin asks others. @param fleet given when the first question is put, as the fleet needs the askers */
export function authorizeAs(fleet: () => Pick<Fleet, "clusterKey" | "session">): Authorize {
  return (target, subject) => {
    const { clusterKey, session } = fleet();
    return clusterKey?.header({ purpose: "peer", target, subject }, session.now());
  };
}
