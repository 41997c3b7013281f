import { asHoldfastError, type ErrorCode } from "../domain/errors.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Registry } from "../domain/ports/registry.ts";

/** A request to the registry was answered, or failed with `code`. */
export type NoteRequest = (request: string, ms: number, code: ErrorCode | undefined) => void;

/** What is measured, and what it is called. People's own questions, through the API, are not. */
const REQUESTS: ReadonlyMap<PropertyKey, string> = Object.freeze(
  new Map([
    ["register", "register"],
    ["heartbeat", "heartbeat"],
    ["leave", "leave"],
    ["claimStream", "claim"],
    ["touchStreams", "touch"],
    ["releaseStreams", "release"],
    ["describeStream", "describe"],
    ["locate", "locate"],
    ["lookUp", "locate"],
  ] satisfies [keyof Registry, string][]),
);

type Request = (...args: unknown[]) => Promise<unknown>;

/** The same registry, with its round trips measured. */
export function measuredRegistry(registry: Registry, clock: Clock, note: NoteRequest): Registry {
  const measured =
    (name: string, request: Request): Request =>
    async (...args) => {
      const began = clock.monotonic();
      try {
        const answer = await request.apply(registry, args);
        note(name, clock.monotonic() - began, undefined);
        return answer;
      } catch (error) {
        note(name, clock.monotonic() - began, asHoldfastError(error, "INTERNAL").code);
        throw error;
      }
    };
  return new Proxy(registry, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      const name = REQUESTS.get(property);
      return name === undefined ? member.bind(target) : measured(name, member as Request);
    },
  });
}
