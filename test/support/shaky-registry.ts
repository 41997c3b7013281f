import { HoldfastError } from "../../src/domain/errors.ts";
import type { Notice, Registry } from "../../src/domain/ports/registry.ts";

type Method = keyof Registry;
type Ask = () => Promise<unknown>;

/** What happens to a call: `ask` brings it to the registry and gives the answer. */
export type Trouble = (ask: Ask, method: Method) => Promise<unknown>;

/** A connection to a registry that a test breaks, delays or loses answers of. */
export interface ShakyRegistry extends Registry {
  /** Names of the calls that were made, in order. */
  readonly calls: Method[];
  /** From now on. */
  trouble: Trouble;
  /** Notices are lost. */
  deaf: boolean;
  /** The registry behind. Another one stands for a Redis that was replaced. */
  inner: Registry;
}

export const fine: Trouble = (ask) => ask();

/** Nothing arrives. */
export const away: Trouble = () => Promise.reject(unavailable());

/** What is asked is done, and the answer lost. */
export const mute: Trouble = async (ask) => {
  await ask();
  throw unavailable();
};

export function unavailable(): HoldfastError {
  return new HoldfastError("REGISTRY_UNAVAILABLE", { detail: "no answer" });
}

/** Only calls of one method are in trouble. */
export function only(method: Method, trouble: Trouble): Trouble {
  return (ask, called) => (called === method ? trouble(ask, called) : ask());
}

/** Holds calls until `release`; they are done then, and not before. */
export function held(): { readonly trouble: Trouble; release(): void } {
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  return { trouble: (ask) => gate.then(ask), release: () => release() };
}

/** Calls are done at once; their answers are held until `release`. */
export function slowAnswers(): { readonly trouble: Trouble; release(): void } {
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  return {
    release: () => release(),
    trouble: async (ask) => {
      const answer = await ask();
      await gate;
      return answer;
    },
  };
}

const ASYNC: ReadonlySet<Method> = new Set([
  ...(["register", "heartbeat", "leave", "claimStream", "touchStreams", "releaseStreams"] as const),
  ...(["describeStream", "locate", "lookUp", "listOrigins", "listStreams", "sessionTimeLeft"] as const),
  ...(["recentEvents", "suspect", "bury", "wakeAll"] as const),
]);

export function shakyRegistry(inner: Registry): ShakyRegistry {
  const state = { calls: [] as Method[], trouble: fine, deaf: false, inner };
  return new Proxy(inner, {
    get(_target, name) {
      if (name in state) return state[name as keyof typeof state];
      const value: unknown = Reflect.get(state.inner, name, state.inner);
      if (typeof value !== "function") return value;
      const call = value.bind(state.inner) as (...args: unknown[]) => unknown;
      if (name === "onNotice")
        return (origin: string, listener: (notice: Notice) => void) =>
          state.trouble(
            () => state.inner.onNotice(origin, (notice) => void (state.deaf || listener(notice))),
            "onNotice",
          );
      if (!ASYNC.has(name as Method)) return call;
      return (...args: unknown[]) => {
        state.calls.push(name as Method);
        return state.trouble(() => call(...args) as Promise<unknown>, name as Method);
      };
    },
    set: (_target, name, value) => Reflect.set(state, name, value),
  }) as ShakyRegistry;
}
