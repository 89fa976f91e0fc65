// Writes the messages that the malloc-bench reader reads.

export interface Operation {
  readonly malloc?: { id?: number; size?: number; alignment?: number };
  readonly calloc?: { id?: number; count?: number; size?: number };
  readonly realloc?: { id?: number; input?: number; size?: number };
  readonly free?: { input?: number };
}

export function encodeMallocBench(operations: readonly Operation[], mostLive: number): Uint8Array {
  const bytes: number[] = [];
  for (const { malloc, calloc, realloc, free } of operations) {
    const body =
      malloc !== undefined
        ? message(1, [malloc.id, malloc.size, malloc.alignment])
        : calloc !== undefined
          ? message(4, [calloc.id, calloc.count, calloc.size])
          : realloc !== undefined
            ? message(3, [realloc.id, realloc.input, realloc.size])
            : message(2, [free?.input]);
    bytes.push(0x0a, ...varint(body.length), ...body);
  }
  bytes.push(0x10, ...varint(mostLive));
  return new Uint8Array(bytes);
}

function message(field: number, values: readonly (number | undefined)[]): number[] {
  const inner = values.flatMap((value, i) => (value === undefined ? [] : [(i + 1) * 8, ...varint(value)]));
  return [field * 8 + 2, ...varint(inner.length), ...inner];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return bytes;
}
