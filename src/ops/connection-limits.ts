import { isIPv6 } from "node:net";
import { RateLimit } from "./rate-limit.ts";

/** Limits of `config.limits` that hold before a byte is read. */
export interface AdmissionLimits {
  /** Open connections in all. */
  readonly connections: number;
  /** Open connections of one address. */
  readonly connectionsPerAddress: number;
  /** New connections of one address per second. */
  readonly connectsPerSecond: number;
}

/** Why a connection was not admitted. */
export type AdmissionRefusal = "too-many-connections" | "too-many-of-address" | "too-fast";

interface AddressUse {
  open: number;
  readonly connects: RateLimit;
}

const SWEEP_EVERY = 1_000;

/**
 * Counts connections, in all and by address, and how fast an address connects.
 *
 * An IPv6 host owns its whole /64, so that counts as one address. What is kept of an address is gone a second after
 * its last connection.
 */
export class ConnectionLimits {
  readonly #limits: AdmissionLimits;
  /** ms, monotonic. */
  readonly #now: () => number;
  readonly #addresses = new Map<string, AddressUse>();
  #open = 0;
  #sweptAt = 0;

  constructor(limits: AdmissionLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Open connections. */
  get open(): number {
    return this.#open;
  }

  /** Addresses that something is kept of. */
  get addresses(): number {
    return this.#addresses.size;
  }

  /** Count one connection in, or say why not. Each admitted one is given back by `release`. */
  admit(address: string): AdmissionRefusal | undefined {
    const now = this.#now();
    this.#sweep(now);
    if (this.#open >= this.#limits.connections) return "too-many-connections";
    const use = this.#use(networkOf(address));
    if (!use.connects.spend()) return "too-fast";
    if (use.open >= this.#limits.connectionsPerAddress) return "too-many-of-address";
    use.open += 1;
    this.#open += 1;
    return undefined;
  }

  release(address: string): void {
    this.#open -= 1;
    const use = this.#addresses.get(networkOf(address));
    if (use) use.open -= 1;
  }

  #use(network: string): AddressUse {
    const known = this.#addresses.get(network);
    if (known) return known;
    const use = { open: 0, connects: new RateLimit(this.#limits.connectsPerSecond, this.#now) };
    this.#addresses.set(network, use);
    return use;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_EVERY) return;
    this.#sweptAt = now;
    for (const [network, use] of this.#addresses)
      if (use.open === 0 && now - use.connects.usedAt >= SWEEP_EVERY) this.#addresses.delete(network);
  }
}

/** The IP address without an IPv4-mapped prefix and without a zone. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const zone = address.indexOf("%");
  return zone < 0 ? address : address.slice(0, zone);
}

function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  // "::" stands for as many zero groups as are missing.
  const [head = "", tail = ""] = plain.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === "" ? [] : tail.split(":");
  const missing = plain.includes("::") ? Math.max(0, 8 - before.length - after.length) : 0;
  const groups = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
