// Typed views over one buffer, made once and used by everybody who reads or writes there: making a view costs more than
// the access it serves.

/**
 * The views over one buffer. Hot code keeps the `Views` object, not one of its fields: an arena that grows replaces the
 * fields (the object stays the same), so a field read before an allocation may be too short after it.
 *
 * @example
 * ```ts
 * import { Views } from "tungsten-memory";
 *
 * const views = new Views(new ArrayBuffer(16));
 * views.u32[0] = 258;
 * console.log(views.u8[0], views.u8[1]); // 2 1
 * ```
 */
export class Views {
  /** By byte. */
  u8!: Uint8Array;
  /** By signed word of 4 bytes. */
  i32!: Int32Array;
  /** By word of 4 bytes. */
  u32!: Uint32Array;
  /** By double. */
  f64!: Float64Array;

  constructor(buffer: ArrayBufferLike) {
    this.refresh(buffer);
  }

  /** Points the views at `buffer`, the same bytes at a new length. */
  refresh(buffer: ArrayBufferLike): void {
    const words = Math.floor(buffer.byteLength / 8) * 8;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer, 0, words / 4);
    this.u32 = new Uint32Array(buffer, 0, words / 4);
    this.f64 = new Float64Array(buffer, 0, words / 8);
  }
}
