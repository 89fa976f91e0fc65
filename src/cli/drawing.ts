// A bar that is cut into regions, drawn to scale with characters: one line a level, every region right under the one it is
// a part of.

/** A part of memory and what it is cut into. A region without size is left out. */
export interface Region {
  readonly name: string;
  readonly bytes: bigint;
  readonly parts?: readonly Region[];
  /** Paints text of the drawing; identity when there is no colour. */
  readonly paint?: (text: string) => string;
}

interface Cell {
  readonly region: Region;
  readonly start: number;
  readonly width: number;
}

/** Lines of at most `columns` characters. Regions side by side share the scale; nothing that exists is narrower than its borders. */
export function drawRegions(regions: readonly Region[], columns: number): string[] {
  const lines: string[] = [];
  let level = placed(regions, 0, columns - 1);
  let above: readonly Cell[] = [];
  while (level.length > 0) {
    lines.push(borderLine(columns, above, level), cellLine(level));
    const next = level.flatMap(({ region, start, width }) => placed(region.parts ?? [], start, width));
    above = level;
    level = next;
  }
  lines.push(borderLine(columns, above, []));
  return lines;
}

/** Divides `width` columns among regions: proportional, but two columns at least for each, or none at all. */
function placed(regions: readonly Region[], start: number, width: number): Cell[] {
  const visible = regions.filter(({ bytes }) => bytes > 0n);
  if (width < 2 * visible.length) return [];
  const total = Number(visible.reduce((sum, { bytes }) => sum + bytes, 0n));
  const widths = visible.map(({ bytes }) => Math.max(2, Math.round((Number(bytes) / total) * width)));
  // Rounding and the least width are paid by the widest.
  for (let excess = widths.reduce((sum, w) => sum + w, 0) - width; excess !== 0; excess += excess > 0 ? -1 : 1) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest]! += excess > 0 ? -1 : 1;
  }
  let at = start;
  return visible.map((region, i) => {
    const cell = { region, start: at, width: widths[i]! };
    at += cell.width;
    return cell;
  });
}

function cellLine(cells: readonly Cell[]): string {
  let line = "";
  let column = 0;
  let open = false;
  for (const { region, start, width } of cells) {
    if (start > column || !open) {
      line += (open ? "│" : "") + " ".repeat(start - column - (open ? 1 : 0));
    }
    const inside = width - 1;
    // A name that does not fit is left to the table: half a word reads as another.
    const name = region.name.length <= inside ? region.name : "";
    const left = Math.floor((inside - name.length) / 2);
    const text = `${" ".repeat(left)}${name}${" ".repeat(inside - name.length - left)}`;
    line += `│${region.paint ? region.paint(text) : text}`;
    column = start + width;
    open = true;
  }
  return `${line}│`;
}

const JUNCTIONS: readonly string[] = [" ", "╵", "╴", "┘", "╷", "│", "┐", "┤", "╶", "└", "─", "┴", "┌", "├", "┬", "┼"];

/** The line between two levels: a border wherever one of them has a cell, joined to the walls above and below. */
function borderLine(columns: number, above: readonly Cell[], below: readonly Cell[]): string {
  const across = new Set<number>();
  const walls = (cells: readonly Cell[]): Set<number> => {
    const at = new Set<number>();
    for (const { start, width } of cells) {
      at.add(start).add(start + width);
      for (let c = start; c < start + width; c += 1) across.add(c);
    }
    return at;
  };
  const up = walls(above);
  const down = walls(below);
  const joint = (c: number): string =>
    JUNCTIONS[(up.has(c) ? 1 : 0) + (across.has(c - 1) ? 2 : 0) + (down.has(c) ? 4 : 0) + (across.has(c) ? 8 : 0)]!;
  return Array.from({ length: columns }, (_, c) => joint(c))
    .join("")
    .trimEnd();
}
