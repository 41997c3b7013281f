import { ERRORS, type HoldfastError } from "./errors.ts";
import { publicText } from "./public-text.ts";

/** Media type of {@link Problem} as JSON (RFC 9457 §3). */
export const PROBLEM_TYPE = "application/problem+json";

/** The body of every HTTP error of an origin (RFC 9457 §3.1). */
export interface Problem {
  /** `urn:holdfast:error:<code>`; names the code, leads nowhere. */
  readonly type: string;
  /** The same for every occurrence of the code. */
  readonly title: string;
  readonly status: number;
  /** About this occurrence. */
  readonly detail: string;
  /** What callers branch on. */
  readonly code: string;
}

/** What an HTTP client is told about an error. */
export function problemOf(error: HoldfastError): { readonly status: number; readonly body: Problem } {
  const { text, http } = ERRORS[error.code];
  const detail = publicText(error);
  const body = {
    type: `urn:holdfast:error:${error.code}`,
    title: text,
    status: http,
    detail,
    code: error.code,
  };
  return { status: http, body };
}
