import { formatAddress } from "../../domain/address.ts";
import { HoldfastError } from "../../domain/errors.ts";

const HOST_FORM = /^(?:\[([0-9a-f:.]+)\]|([^:\s[\]@]+)):(\d{1,5})$/i;

/**
 * Read `host:port` or `[v6]:port`.
 *
 * @throws HoldfastError `REQUEST_INVALID`
 */
export function parseAddress(text: string): { host: string; port: number } {
  const match = HOST_FORM.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535)
    throw new HoldfastError("REQUEST_INVALID", { detail: `${JSON.stringify(text)} is no address` });
  return { host, port };
}

/** The `tcUrl` of connect: scheme, address and app, never the stream. The port is always named. */
export function formatTcUrl(url: { tls: boolean; host: string; port: number; app: string }): string {
  return `${url.tls ? "rtmps" : "rtmp"}://${formatAddress(url.host, url.port)}/${url.app}`;
}
