import { createHash, timingSafeEqual } from "node:crypto";
import { BlockList, isIP } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { HoldfastError } from "../domain/errors.ts";

const OPEN_PATHS = new Set(["/livez", "/readyz"]);

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/**
 * Ask for the token on every path except health.
 *
 * Without a token the port is on loopback, and only requests to a loopback name are answered: a web page whose host
 * name was made to point here (DNS rebinding) carries its own name in `Host`, one that posts here names itself in
 * `Origin`.
 */
export function addApiAuth(app: FastifyInstance, token: string | undefined): void {
  const expected = token === undefined ? undefined : digest(token);
  app.addHook("onRequest", (request, _reply, done) => {
    if (OPEN_PATHS.has(request.routeOptions.url ?? "")) return done();
    if (expected === undefined) {
      if (!isLoopback(request.hostname)) return done(foreignHost());
      return done(isForeignPage(request) ? foreignPage() : undefined);
    }
    const [scheme = "", given = ""] = (request.headers.authorization ?? "").split(" ");
    const right = scheme.toLowerCase() === "bearer" && timingSafeEqual(digest(given), expected);
    done(right ? undefined : new HoldfastError("UNAUTHORISED"));
  });
}

/** Whether a browser sends this in the name of a page from elsewhere, which may post to loopback without asking. */
function isForeignPage({ method, headers: { origin } }: FastifyRequest): boolean {
  if (method === "GET" || method === "HEAD" || origin === undefined) return false;
  return !URL.canParse(origin) || !isLoopback(new URL(origin).hostname);
}

/** Whether a host name or address, with or without brackets, can only mean this machine. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (bare === "localhost") return true;
  const family = isIP(bare);
  return family !== 0 && loopback.check(bare, family === 6 ? "ipv6" : "ipv4");
}

/** Equal length for every token, as `timingSafeEqual` needs. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function foreignPage(): HoldfastError {
  const detail = "without api.token nothing is changed in the name of a web page from elsewhere";
  return new HoldfastError("UNAUTHORISED", { detail });
}

function foreignHost(): HoldfastError {
  const detail = "without api.token only requests to localhost are answered";
  return new HoldfastError("UNAUTHORISED", { detail });
}
