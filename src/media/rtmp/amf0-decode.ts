import { HoldfastError } from "../../domain/errors.ts";
import { MARKER, type AmfObject, type AmfValue } from "./amf0.ts";

/** What one AMF payload may hold. Checked before memory is taken. */
export interface AmfLimits {
  /** Nesting; 1 allows an object, but none inside it. */
  readonly depth: number;
  /** Values in all, nested ones included. */
  readonly elements: number;
  /** Longest string, in bytes; as long as its message when absent. Property names end at 64 KB anyway. */
  readonly string?: number;
}

/**
 * Read all values of a command or data message.
 *
 * Every value must be whole. Padding is the one thing allowed after the last: up to eight bytes of 0x00 and 0x09,
 * which some encoders leave behind. Strings that are not UTF-8 get replacement characters.
 * References and AMF3 values (0x11) are refused: no encoder or player of today sends them to a server that
 * answers `objectEncoding: 0`, and a reference can make a value contain itself.
 *
 * @throws HoldfastError `PROTOCOL_VIOLATION` when the bytes are not AMF0, `LIMIT_EXCEEDED` when they hold too much
 * @see AMF 0 specification (2007), §2
 */
export function decodeAmf0(payload: Buffer, limits: AmfLimits): AmfValue[] {
  return new AmfReader(payload, limits).values();
}

class AmfReader {
  readonly #bytes: Buffer;
  readonly #depth: number;
  readonly #longestString: number;
  #elementsLeft: number;
  #at = 0;

  constructor(bytes: Buffer, limits: AmfLimits) {
    this.#bytes = bytes;
    this.#depth = limits.depth;
    this.#longestString = limits.string ?? Infinity;
    this.#elementsLeft = limits.elements;
  }

  values(): AmfValue[] {
    const values: AmfValue[] = [];
    while (this.#at < this.#bytes.length && !this.#isPadding()) values.push(this.#value(0));
    return values;
  }

  #isPadding(): boolean {
    // The shortest numbers are nine bytes long, so that no value is taken for padding.
    if (this.#bytes.length - this.#at > 8) return false;
    for (let at = this.#at; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at];
      if (byte !== MARKER.number && byte !== MARKER.objectEnd) return false;
    }
    return true;
  }

  #value(depth: number): AmfValue {
    if (--this.#elementsLeft < 0) throw tooMuch("an AMF message holds too many values");
    const marker = this.#byte();
    switch (marker) {
      case MARKER.number:
        return this.#bytes.readDoubleBE(this.#skip(8));
      case MARKER.boolean:
        return this.#byte() !== 0;
      case MARKER.string:
        return this.#shortText();
      case MARKER.longString:
      case MARKER.xml:
        return this.#text(this.#bytes.readUInt32BE(this.#skip(4)));
      case MARKER.null:
        return null;
      case MARKER.undefined:
      case MARKER.unsupported:
        return undefined;
      case MARKER.date:
        return this.#date();
      case MARKER.object:
        return this.#object(depth + 1);
      case MARKER.typedObject:
        this.#shortText();
        return this.#object(depth + 1);
      case MARKER.ecmaArray:
        return this.#ecmaArray(depth + 1);
      case MARKER.strictArray:
        return this.#strictArray(depth + 1);
      case MARKER.amf3:
        throw malformed("AMF3 values are not supported");
      case MARKER.reference:
        throw malformed("AMF references are not supported");
      default:
        throw malformed(`unknown AMF marker 0x${marker.toString(16).padStart(2, "0")}`);
    }
  }

  #date(): Date {
    const at = this.#skip(10);
    return new Date(this.#bytes.readDoubleBE(at));
  }

  #object(depth: number): AmfObject {
    this.#checkDepth(depth);
    const object = Object.create(null) as AmfObject;
    while (!this.#objectEnds()) this.#property(object, depth);
    return object;
  }

  /** The count is a hint, often 0; the end marker decides. Some encoders forget it at the end of the message. */
  #ecmaArray(depth: number): AmfObject {
    this.#checkDepth(depth);
    this.#skip(4);
    const object = Object.create(null) as AmfObject;
    while (this.#at < this.#bytes.length && !this.#objectEnds()) this.#property(object, depth);
    return object;
  }

  #property(object: AmfObject, depth: number): void {
    const key = this.#shortText();
    object[key] = this.#value(depth);
  }

  #objectEnds(): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== MARKER.objectEnd) return false;
    this.#at += 3;
    return true;
  }

  #strictArray(depth: number): AmfValue[] {
    this.#checkDepth(depth);
    const count = this.#bytes.readUInt32BE(this.#skip(4));
    if (count > this.#elementsLeft) throw tooMuch("an AMF array is too long");
    // A value takes one byte at least.
    if (count > this.#bytes.length - this.#at) throw malformed("an AMF array is longer than its message");
    const array: AmfValue[] = [];
    for (let index = 0; index < count; index++) array.push(this.#value(depth));
    return array;
  }

  #checkDepth(depth: number): void {
    if (depth > this.#depth) throw tooMuch("AMF values are nested too deeply");
  }

  #shortText(): string {
    return this.#text(this.#bytes.readUInt16BE(this.#skip(2)));
  }

  #text(length: number): string {
    if (length > this.#longestString) throw tooMuch("an AMF string is too long");
    const at = this.#skip(length);
    return this.#bytes.toString("utf8", at, this.#at);
  }

  #byte(): number {
    return this.#bytes[this.#skip(1)] as number;
  }

  /** Step over `length` bytes and return where they began. Every read goes through here. */
  #skip(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw malformed("an AMF value is cut short");
    this.#at += length;
    return at;
  }
}

function malformed(detail: string): HoldfastError {
  return new HoldfastError("PROTOCOL_VIOLATION", { detail });
}

function tooMuch(detail: string): HoldfastError {
  return new HoldfastError("LIMIT_EXCEEDED", { detail });
}
