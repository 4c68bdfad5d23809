import { fitted, inert, padded, widthOf } from "./inert.ts";

export type Column<Row> = {
  title: string;
  text: (row: Row) => string;
  /** Gives way first when the terminal is narrow; every other column keeps its width. */
  isFlexible?: boolean;
  isNumber?: boolean;
  /** What there is to read in full: where too little room is left beside the others, a line of its own below each row. */
  isProse?: boolean;
};

const GAP = "  ";
const NARROWEST = 12;
/** Fewer columns of prose tell nothing. */
const PROSE = 30;

/** Lines of a table that fits `width` columns: a title line, then a line for each row. Everything in it is inert. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width: number): string[] {
  const cells = rows.map((row) => columns.map(({ text }) => inert(text(row), 500)));
  const natural = naturalWidths(columns, cells);
  const widths = shrunk(natural, columns, width);
  const prose = columns.findIndex(({ isProse }) => isProse);
  const isCramped = total(widths) > width || (widths[prose] ?? 0) < Math.min(PROSE, natural[prose] ?? 0);
  if (prose >= 0 && isCramped) {
    const [titles = "", ...lines] = table(rows, columns.toSpliced(prose, 1), width);
    const below = cells.map((row) => fitted(`${GAP}${row[prose]}`, width));
    return [titles, ...lines.flatMap((line, index) => [line, ...(below[index]?.trim() ? [below[index]] : [])])];
  }
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => aligned(fitted(text, widths[index] ?? 0), widths[index] ?? 0, columns[index]?.isNumber))
      .join(GAP)
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)];
}

function naturalWidths<Row>(columns: readonly Column<Row>[], cells: readonly string[][]): number[] {
  return columns.map(({ title }, index) =>
    cells.reduce((widest, row) => Math.max(widest, widthOf(row[index] ?? "")), widthOf(title)),
  );
}

/** Flexible columns give what is too much, the widest first. */
function shrunk<Row>(widths: number[], columns: readonly Column<Row>[], width: number): number[] {
  const fitting = [...widths];
  while (total(fitting) > width) {
    const widest = columns
      .map((column, index) => ({ index, isFlexible: column.isFlexible, width: fitting[index] ?? 0 }))
      .filter((column) => column.isFlexible && column.width > NARROWEST)
      .toSorted((one, other) => other.width - one.width)[0];
    if (!widest) break;
    fitting[widest.index] = widest.width - 1;
  }
  return fitting;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length);
}

function aligned(text: string, columns: number, isNumber = false): string {
  return isNumber ? " ".repeat(Math.max(0, columns - widthOf(text))) + text : padded(text, columns);
}
