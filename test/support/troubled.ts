/** What happens to a call: `ask` brings it to its target and gives the answer. */
export type PortTrouble = (
  ask: () => Promise<unknown>,
  method: string,
  args?: readonly unknown[],
) => Promise<unknown>;

/** A connection that a test breaks or delays. */
export interface Troubles {
  /** From now on. */
  trouble: PortTrouble;
  /** Names of the calls that were made, in order. */
  readonly calls: string[];
}

export function troubles(): Troubles {
  return { trouble: (ask) => ask(), calls: [] };
}

/** The same port, with every call in `state.trouble`. All its methods are asynchronous. */
export function troubled<T extends object>(inner: T, state: Troubles, prefix = ""): T {
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const method = prefix + String(name);
      const call = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
      return (...args: unknown[]) => {
        state.calls.push(method);
        return state.trouble(() => call(...args), method, args);
      };
    },
  });
}

/** Nothing is answered any more. */
export const hung: PortTrouble = () => new Promise(() => {});

/** One call of one method is done and its answer kept back until `release`; the others pass. */
export function slow(
  method: string,
  /** Whether a call with this first argument is meant. */
  isMeant: (first: unknown) => boolean = () => true,
): {
  readonly trouble: PortTrouble;
  readonly reached: () => boolean;
  release(): void;
} {
  let release = () => {};
  let reached = false;
  const gate = new Promise<void>((resolve) => (release = resolve));
  return {
    release: () => release(),
    reached: () => reached,
    trouble: async (ask, called, [first] = []) => {
      const answer = await ask();
      if (called === method && !reached && isMeant(first)) {
        reached = true;
        await gate;
      }
      return answer;
    },
  };
}
