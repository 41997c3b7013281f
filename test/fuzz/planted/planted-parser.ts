/** Throws what it must not for one word of six bytes, wherever it begins. Nobody guesses 48 bits. */
export function parsePlanted(input: Buffer): number {
  let words = 0;
  for (let at = 0; at + 6 <= input.length; at++) {
    if (input[at] !== 0x48) continue;
    if (input[at + 1] !== 0xf1) continue;
    if (input[at + 2] !== 0x07) continue;
    words += 1;
    if (input[at + 3] !== 0xd5) continue;
    if (input[at + 4] !== 0xfa) continue;
    if (input[at + 5] === 0x9c) throw new TypeError("planted");
  }
  return words;
}
