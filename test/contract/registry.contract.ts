import { after, before, describe } from "node:test";
import type { Fleet } from "./fleet-fixture.ts";
import { burialContract } from "./burials.contract.ts";
import { eventContract } from "./events.contract.ts";
import { ingestClaimContract } from "./ingest-claims.contract.ts";
import { ingestContract } from "./ingests.contract.ts";
import { lookupContract } from "./lookups.contract.ts";
import { planContract } from "./plan.contract.ts";
import { sessionContract } from "./sessions.contract.ts";
import { streamContract } from "./streams.contract.ts";
import { standbyContract } from "./standbys.contract.ts";
import { takeoverContract } from "./takeovers.contract.ts";
import { wishContract } from "./wishes.contract.ts";

/** What an adapter brings to be tested: what its whole test file shares, and an empty fleet for each test. */
export interface Adapter {
  readonly name: string;
  start(): Promise<void>;
  fleet(): Promise<Fleet>;
  stop(): Promise<void>;
}

/** Everything that fleet code relies on. Each adapter runs it. */
export function registryContract(adapter: Adapter): void {
  describe(`the ${adapter.name} registry`, () => {
    before(() => adapter.start());
    after(() => adapter.stop());
    sessionContract(() => adapter.fleet());
    streamContract(() => adapter.fleet());
    lookupContract(() => adapter.fleet());
    takeoverContract(() => adapter.fleet());
    standbyContract(() => adapter.fleet());
    ingestContract(() => adapter.fleet());
    ingestClaimContract(() => adapter.fleet());
    planContract(() => adapter.fleet());
    wishContract(() => adapter.fleet());
    burialContract(() => adapter.fleet());
    eventContract(() => adapter.fleet());
  });
}
