/** What an origin may be called. */
export const ORIGIN_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$/;
export const ORIGIN_NAME_ALLOWED = "1 to 63 letters, digits, dots, dashes or underscores";
