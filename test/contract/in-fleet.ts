import { test } from "node:test";
import type { Fleet } from "./fleet-fixture.ts";

/** Opens an empty fleet. */
export type OpenFleet = () => Promise<Fleet>;

/** A test with a fleet of its own, which is cleaned up whatever happens. */
export function fleetTest(open: OpenFleet, name: string, body: (fleet: Fleet) => Promise<void>): void {
  test(name, { timeout: 20_000 }, async () => {
    const fleet = await open();
    try {
      await body(fleet);
    } finally {
      await fleet.close();
    }
  });
}
