import { HoldfastError } from "../../domain/errors.ts";
import { MARKER, type AmfObject, type AmfValue } from "./amf0.ts";

const SHORT_STRING = 0xffff;
const DEPTH = 64;

/**
 * Write values one after another, as the payload of a command or data message.
 *
 * @throws HoldfastError `LIMIT_EXCEEDED` when a value is nested deeper than 64 levels, or a key is over 65,535 bytes
 */
export function encodeAmf0(...values: readonly AmfValue[]): Buffer {
  const writer = new AmfWriter();
  for (const value of values) writer.value(value, 0);
  return writer.bytes();
}

/** A buffer that grows; what it returns is a copy of the right size. */
class AmfWriter {
  #buffer = Buffer.allocUnsafe(512);
  #length = 0;

  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  value(value: AmfValue, depth: number): void {
    if (depth > DEPTH)
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: "AMF values are nested too deeply" });
    switch (typeof value) {
      case "number":
        return this.#number(value);
      case "boolean":
        this.#byte(MARKER.boolean);
        return this.#byte(value ? 1 : 0);
      case "string":
        return this.#string(value);
      case "undefined":
        return this.#byte(MARKER.undefined);
      default:
        if (value === null) return this.#byte(MARKER.null);
        if (value instanceof Date) return this.#date(value);
        if (Array.isArray(value)) return this.#array(value, depth);
        return this.#object(value, depth);
    }
  }

  #number(value: number): void {
    this.#byte(MARKER.number);
    const at = this.#take(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  #string(value: string): void {
    const bytes = Buffer.byteLength(value);
    if (bytes <= SHORT_STRING) {
      this.#byte(MARKER.string);
      return this.#text(value, bytes);
    }
    this.#byte(MARKER.longString);
    const at = this.#take(4 + bytes);
    this.#buffer.writeUInt32BE(bytes, at);
    this.#buffer.write(value, at + 4, bytes, "utf8");
  }

  #text(value: string, bytes: number): void {
    const at = this.#take(2 + bytes);
    this.#buffer.writeUInt16BE(bytes, at);
    this.#buffer.write(value, at + 2, bytes, "utf8");
  }

  #date(value: Date): void {
    this.#byte(MARKER.date);
    const at = this.#take(10);
    this.#buffer.writeDoubleBE(value.getTime(), at);
    // The time zone "should be 0". [AMF0 §2.13]
    this.#buffer.writeInt16BE(0, at + 8);
  }

  #array(value: readonly AmfValue[], depth: number): void {
    this.#byte(MARKER.strictArray);
    const at = this.#take(4);
    this.#buffer.writeUInt32BE(value.length, at);
    for (const item of value) this.value(item, depth + 1);
  }

  #object(value: AmfObject, depth: number): void {
    this.#byte(MARKER.object);
    for (const key of Object.keys(value)) {
      const bytes = Buffer.byteLength(key);
      if (bytes > SHORT_STRING)
        throw new HoldfastError("LIMIT_EXCEEDED", { detail: "an AMF key is too long" });
      this.#text(key, bytes);
      this.value(value[key], depth + 1);
    }
    this.#text("", 0);
    this.#byte(MARKER.objectEnd);
  }

  #byte(value: number): void {
    const at = this.#take(1);
    this.#buffer[at] = value;
  }

  /** Make room for `bytes` more and return where they begin. */
  #take(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}
