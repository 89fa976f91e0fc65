// Moving and clearing bytes of the data. These run over the data's memory, not over the map.

/** Copies `bytes` bytes; the two ranges may overlap. */
export function moveBytes(to: u32, from: u32, bytes: u32): void {
  memory.copy(to, from, bytes);
}

/** Fills `bytes` bytes with `value` (0 to 255). */
export function fillBytes(at: u32, value: u32, bytes: u32): void {
  memory.fill(at, <u8>value, bytes);
}
