import { formatAddress } from "../domain/address.ts";
import type { Config } from "./schema.ts";

/** The addresses other hosts are told, as `host:port`; empty where this origin offers none. */
export interface AdvertisedAddresses {
  readonly rtmp: string;
  readonly http: string;
  readonly relay: string;
  readonly peer: string;
}

/** The ports that were really bound. */
export interface BoundPorts {
  readonly rtmp: number;
  readonly http: number;
  /** Those of a worker, where the others are shared; else the same. */
  readonly relay?: number | undefined;
  readonly peer?: number | undefined;
}

/**
 * What this origin tells others of where it is.
 *
 * The public addresses (`rtmp`, `http`) are only what the operator wrote: a guess would send players to a container's
 * inner address. The fleet-internal ones (`relay`, `peer`) default to the address that is listened on, or to the host
 * name when that is every address. `{hostname}` and `{name}` are filled in; port 0 means the port that was bound.
 *
 * @param publicName what `{name}` is in the public addresses: those of a worker are its host's
 */
export function advertisedAddresses(
  config: Config,
  bound: BoundPorts,
  hostname: string,
  publicName = config.name,
): AdvertisedAddresses {
  const host = isEveryAddress(config.bind) ? hostname : config.bind;
  const { relay = bound.rtmp, peer = bound.http } = bound;
  const fill = (template: string | undefined, port: number, name: string): string => {
    if (template === undefined) return "";
    const filled = template.replaceAll("{hostname}", hostname).replaceAll("{name}", name);
    return filled.endsWith(":0") ? `${filled.slice(0, -1)}${port}` : filled;
  };
  return {
    rtmp: fill(config.advertise.rtmp, bound.rtmp, publicName),
    http: fill(config.advertise.http, bound.http, publicName),
    relay: fill(config.advertise.relay, relay, config.name) || formatAddress(host, relay),
    peer: fill(config.advertise.peer, peer, config.name) || formatAddress(host, peer),
  };
}

/** True for the wildcard addresses. */
export function isEveryAddress(address: string): boolean {
  return address === "0.0.0.0" || address === "::" || address === "";
}
