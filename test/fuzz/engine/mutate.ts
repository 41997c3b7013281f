import type { Random } from "./random.ts";

/** Numbers at which parsers of networks' bytes change their mind. */
const MAGIC = [
  0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 126, 127, 128, 129, 254, 255, 256, 319, 320, 1_023, 1_024,
  4_095, 4_096, 16_384, 32_767, 32_768, 65_535, 65_536, 65_599, 0x7f_ffff, 0x80_0000, 0xff_fffe, 0xff_ffff,
  0x100_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
] as const;

/** What one mutation may use. */
export interface MutationSources {
  /** Another input, to take pieces from. */
  readonly other: Buffer;
  /** Words of the format. */
  readonly words: readonly Buffer[];
  readonly mostBytes: number;
}

type Mutation = (input: Buffer, random: Random, sources: MutationSources) => Buffer;

const flip: Mutation = (input, random) => {
  const at = random.below(input.length);
  input[at] = (input[at] ?? 0) ^ (1 << random.below(8));
  return input;
};

const overwrite: Mutation = (input, random) => {
  input[random.below(input.length)] = random.next();
  return input;
};

const insert: Mutation = (input, random) => {
  const count = random.length(input.length + 16);
  const fill = random.oneIn(2) ? Buffer.alloc(count, random.next() & 0xff) : random.bytes(count);
  return spliced(input, random.below(input.length + 1), 0, fill);
};

const remove: Mutation = (input, random) => {
  const at = random.below(input.length);
  return spliced(input, at, random.length(input.length - at));
};

const truncate: Mutation = (input, random) => input.subarray(0, random.below(input.length));

const duplicate: Mutation = (input, random) => {
  const at = random.below(input.length);
  const piece = input.subarray(at, at + random.length(input.length - at));
  return spliced(input, random.oneIn(2) ? at : random.below(input.length + 1), 0, piece);
};

const move: Mutation = (input, random) => {
  const at = random.below(input.length);
  const piece = Buffer.from(input.subarray(at, at + random.length(input.length - at)));
  const rest = spliced(input, at, piece.length);
  return spliced(rest, random.below(rest.length + 1), 0, piece);
};

/** The beginning of one input and the end of another. */
const splice: Mutation = (input, random, { other }) =>
  Buffer.concat([
    input.subarray(0, random.below(input.length + 1)),
    other.subarray(random.below(other.length)),
  ]);

const graft: Mutation = (input, random, { other }) => {
  const at = random.below(other.length);
  const piece = other.subarray(at, at + random.length(other.length - at));
  return spliced(input, random.below(input.length + 1), random.oneIn(2) ? piece.length : 0, piece);
};

const word: Mutation = (input, random, { words }) => {
  if (words.length === 0) return overwrite(input, random, { other: input, words, mostBytes: 0 });
  const chosen = random.pick(words);
  return spliced(input, random.below(input.length + 1), random.oneIn(2) ? chosen.length : 0, chosen);
};

const magic: Mutation = (input, random) => writeNumber(input, random, () => random.pick(MAGIC));

const arithmetic: Mutation = (input, random) =>
  writeNumber(input, random, (old) => old + random.below(71) - 35);

/** Say how much is left, or nearly: what a length field would say. */
const length: Mutation = (input, random) =>
  writeNumber(input, random, (_old, rest) => rest + random.pick([0, 0, -1, 1, -rest, rest, -(rest >> 1)]));

const MUTATIONS: readonly Mutation[] = [
  ...[flip, flip, overwrite, overwrite, overwrite, insert, remove, truncate, duplicate, move, splice, graft],
  ...[word, word, magic, magic, arithmetic, length],
];

/** A changed copy: one change, often several. */
export function mutate(input: Buffer, random: Random, sources: MutationSources): Buffer {
  let changed: Buffer = Buffer.from(input);
  const most = random.oneIn(2) ? 1 : random.pick([2, 4, 8]);
  for (let changes = 0; changes < most; changes++) {
    if (changed.length === 0) changed = random.bytes(1 + random.below(8));
    changed = random.pick(MUTATIONS)(changed, random, sources);
  }
  return changed.length > sources.mostBytes ? changed.subarray(0, sources.mostBytes) : changed;
}

function writeNumber(input: Buffer, random: Random, change: (old: number, rest: number) => number): Buffer {
  const bytes = Math.min(input.length, random.pick([1, 2, 3, 4]));
  const at = random.below(input.length - bytes + 1);
  const value = change(input.readUIntBE(at, bytes), input.length - at - bytes);
  const wrapped = Math.abs(value) % 2 ** (8 * bytes);
  if (random.oneIn(8)) input.writeUIntLE(wrapped, at, bytes);
  else input.writeUIntBE(wrapped, at, bytes);
  return input;
}

function spliced(input: Buffer, at: number, remove: number, piece: Uint8Array = new Uint8Array(0)): Buffer {
  return Buffer.concat([input.subarray(0, at), piece, input.subarray(at + remove)]);
}
