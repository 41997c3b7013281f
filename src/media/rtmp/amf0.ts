/** A value of a command or data message. ECMA arrays and typed objects are read as objects. */
export type AmfValue = number | boolean | string | null | undefined | Date | AmfValue[] | AmfObject;

/** Has no prototype when it came from the wire, so that no key (`__proto__`, `constructor`) means anything. */
export interface AmfObject {
  [key: string]: AmfValue;
}

/** Markers. [AMF0 §2.1] */
export const MARKER = Object.freeze({
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  xml: 0x0f,
  typedObject: 0x10,
  amf3: 0x11,
});

/** True for what AMF calls an object; dates and arrays are not. */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
