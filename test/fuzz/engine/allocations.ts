/** Memory for buffers that was asked for. */
export interface Allocated {
  /** The largest piece, in bytes. */
  largest: number;
  /** All pieces together, in bytes. */
  total: number;
}

/**
 * Count what the code of this thread takes by `Buffer.alloc`, `allocUnsafe` and `allocUnsafeSlow` from now on.
 *
 * A parser that believes a length field shows at once, whether or not the system would have given the memory.
 */
export function countAllocations(): Allocated {
  const allocated = { largest: 0, total: 0 };
  for (const name of ["alloc", "allocUnsafe", "allocUnsafeSlow"] as const) {
    const plain = Buffer[name].bind(Buffer) as (size: number, ...rest: unknown[]) => Buffer;
    const counting = (size: number, ...rest: unknown[]): Buffer => {
      if (size > allocated.largest) allocated.largest = size;
      allocated.total += size;
      return plain(size, ...rest);
    };
    Object.assign(Buffer, { [name]: counting });
  }
  return allocated;
}
