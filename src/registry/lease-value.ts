import type { LeaseHolder } from "../domain/ports/leases.ts";

const VALUE = /^(.+)@(\d{1,16})#(\d{1,16})$/;

/** What a lease's key holds: `<origin>@<epoch>#<token>`. */
export function leaseValue({ origin, epoch, token }: LeaseHolder): string {
  return `${origin}@${epoch}#${token}`;
}

/** @returns `undefined` when it is not the value of a held lease */
export function readLeaseValue(value: string): LeaseHolder | undefined {
  const [, origin, epoch, token] = VALUE.exec(value) ?? [];
  return origin === undefined ? undefined : { origin, epoch: Number(epoch), token: Number(token) };
}

/** What a lease's key holds while only one origin may take it. */
export function reservation(origin: string): string {
  return `reserved:${origin}`;
}

/** @returns the origin that a lease is reserved for */
export function readReservation(value: string): string | undefined {
  return value.startsWith("reserved:") ? value.slice("reserved:".length) : undefined;
}
