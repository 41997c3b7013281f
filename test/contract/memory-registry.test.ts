import { createMemoryRegistry } from "../../src/registry/memory-registry.ts";
import { MemoryStore } from "../../src/registry/memory-store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { registryContract } from "./registry.contract.ts";

registryContract({
  name: "memory",
  start: async () => undefined,
  stop: async () => undefined,
  fleet: async () => {
    const clock = new ManualClock();
    const store = new MemoryStore(clock);
    return {
      open: async () => {
        const registry = createMemoryRegistry(store);
        await registry.connect();
        return registry;
      },
      advance: (ms) => clock.advance(ms),
      enableIngest: async (key) => void store.reserved.add(key),
      setLease: async (name, value) => store.leases.set(name, value, 60_000),
      close: async () => undefined,
    };
  },
});
