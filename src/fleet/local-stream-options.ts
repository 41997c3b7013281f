import type { Logger } from "pino";
import type { Clock } from "../domain/ports/clock.ts";
import type { Hold } from "./hold.ts";
import type { Ownership } from "./ownership.ts";
import type { OwnerWatch } from "./owner-watch.ts";
import type { Relay } from "./relay.ts";
import type { RelayKeeper } from "./relay-keeper.ts";
import type { FleetSettings } from "./settings.ts";

export interface LocalStreamOptions {
  readonly self: string;
  readonly ownership: Ownership;
  readonly relays: RelayKeeper;
  readonly watch: OwnerWatch;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Pick<FleetSettings, "continuity" | "publish" | "relay">;
  /** Whether this origin drains. */
  readonly leaving: () => boolean;
}

/** What feeds a stream inside this origin. */
export type LocalStreamState =
  /** Nothing feeds it: only in the middle of a transition. */
  | { readonly is: "unfed" | "ended" }
  /** An encoder feeds it here. */
  | { readonly is: "published" }
  /** This origin pulls its configured source. */
  | { readonly is: "ingested" }
  /** Pulled from its owner. */
  | { readonly is: "relayed"; readonly relay: Relay }
  /** Nobody feeds it; its players wait for the next owner. */
  | { readonly is: "held"; readonly hold: Hold }
  /** Sources stand by for it, and nobody plays it here. */
  | { readonly is: "standby" };
