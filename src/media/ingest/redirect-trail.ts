import { formatAddress } from "../../domain/address.ts";
import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import { maskSourceUrl, parseSourceUrl } from "../../domain/source-url.ts";
import type { NetworkScheme, NetworkSource } from "../../domain/source-url.ts";

/**
 * Where redirects lead a pull: so many of them, to these schemes, and never twice to the same URL.
 *
 * User and password go to no other host than the one that they were given for, and not from TLS to plain text.
 */
export class RedirectTrail {
  readonly #first: NetworkSource;
  readonly #schemes: readonly NetworkScheme[];
  readonly #most: number;
  readonly #seen = new Set<string>();

  constructor(first: NetworkSource, schemes: readonly NetworkScheme[], most: number) {
    this.#first = first;
    this.#schemes = schemes;
    this.#most = most;
    this.#seen.add(urlOf(first));
  }

  /** How often it was redirected. */
  get hops(): number {
    return this.#seen.size - 1;
  }

  /** Go to `url`, which is the source's word. @throws HoldfastError `SOURCE_REFUSED` */
  follow(url: string): NetworkSource {
    const next = this.#parse(url);
    const text = urlOf(next);
    if (this.#seen.has(text)) throw refused("the source redirects the pull in a circle");
    if (this.#seen.size > this.#most)
      throw refused(`the source redirects the pull more than ${this.#most} times`);
    this.#seen.add(text);
    if (next.user !== "" || next.password !== "") return next;
    const { user, password } = this.#first;
    return this.#trusted(next) ? { ...next, user, password } : next;
  }

  #parse(url: string): NetworkSource {
    let source;
    try {
      // SRS writes URLs without escapes.
      source = parseSourceUrl(url.replaceAll(" ", "%20"));
    } catch (error) {
      const { message } = asHoldfastError(error, "SOURCE_REFUSED");
      throw refused(`the source redirects the pull to what is no URL of a source: ${message}`);
    }
    if (source.scheme !== "exec" && this.#schemes.includes(source.scheme)) return source;
    throw refused(`the source redirects the pull to ${source.scheme}:, which is not followed`);
  }

  #trusted(next: NetworkSource): boolean {
    const first = this.#first;
    if (next.host.toLowerCase() !== first.host.toLowerCase()) return false;
    if (next.scheme === first.scheme && next.port === first.port) return true;
    return first.scheme === "http" && next.scheme === "https" && first.port === 80 && next.port === 443;
  }
}

/** A source's URL without user and password. With its query: never logged. */
export function urlOf({ scheme, host, port, path, query }: NetworkSource): string {
  const asked = query === "" ? "" : `?${query}`;
  return `${scheme}://${formatAddress(host.toLowerCase(), port)}${path}${asked}`;
}

/** A source as it is shown. */
export function shown(source: NetworkSource): string {
  return maskSourceUrl(urlOf(source));
}

function refused(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_REFUSED", { detail });
}
