import { StringDecoder } from "node:string_decoder";

const LINES_KEPT = 8;
/** Of a line as it comes; it is shown shorter. */
const LONGEST_RAW = 2_000;
const LONGEST_SHOWN = 300;
/** Of all lines together, as they are shown. */
const LONGEST_TEXT = 900;
/** Only so much of the end of a piece is looked at: what is before it would be forgotten at once. */
const LONGEST_PIECE = 16_384;
// eslint-disable-next-line no-control-regex
const TERMINAL_SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])/g;
// eslint-disable-next-line no-control-regex
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]+/g;

/** The last lines that a program wrote to its standard error, safe to be shown: bounded, printable, masked. */
export class StderrTail {
  readonly #mask: (text: string) => string;
  readonly #decoder = new StringDecoder("utf8");
  #lines: string[] = [];
  #line = "";
  /** The line is longer than what is kept of it, or its beginning was not looked at. */
  #cut = false;
  #headless = false;
  /** As on a terminal: what follows a carriage return is written over the line. Progress is, again and again. */
  #returned = false;

  constructor(mask: (text: string) => string) {
    this.#mask = mask;
  }

  push(data: Buffer): void {
    const skipped = data.length > LONGEST_PIECE;
    if (skipped) {
      this.#line = "";
      this.#headless = true;
    }
    const text = this.#decoder.write(skipped ? data.subarray(data.length - LONGEST_PIECE) : data);
    for (const part of text.split(/(\r|\n)/)) {
      if (part === "\r") this.#returned = true;
      else if (part === "\n") this.#keep();
      else if (part !== "") this.#append(part);
    }
  }

  /** In one line, with ` | ` between them; the latest ones when they are too long together. Empty if there are none. */
  text(): string {
    const shown = [...this.#lines, this.#shown()].filter((line) => line !== "");
    while (shown.length > 1 && shown.join(" | ").length > LONGEST_TEXT) shown.shift();
    return shown.join(" | ");
  }

  #append(part: string): void {
    if (this.#returned) this.#restart();
    const room = LONGEST_RAW - this.#line.length;
    if (part.length > room) this.#cut = true;
    this.#line += part.slice(0, Math.max(0, room));
  }

  #keep(): void {
    const line = this.#shown();
    if (line !== "") this.#lines = [...this.#lines, line].slice(-LINES_KEPT);
    this.#restart();
  }

  #restart(): void {
    this.#line = "";
    this.#cut = this.#headless = this.#returned = false;
  }

  #shown(): string {
    // Half of a password would not be known for one.
    if (this.#headless) return "";
    const whole = this.#cut ? this.#line.replace(/\S*$/, "") : this.#line;
    const plain = whole
      .replaceAll(TERMINAL_SEQUENCE, "")
      .replaceAll(INVISIBLE, " ")
      .replaceAll(/ +/g, " ")
      .trim();
    const masked = this.#mask(plain);
    return masked.length > LONGEST_SHOWN ? `${masked.slice(0, LONGEST_SHOWN - 1)}…` : masked;
  }
}
