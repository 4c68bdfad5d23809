import { inertJson } from "./inert.ts";
import { type Column, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** A table for people, one JSON object a line for programs. */
export function showRows<Row>(terminal: Terminal, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  if (terminal.isTable) showTable(terminal, rows, columns);
  else for (const row of rows) terminal.data(inertJson(row));
}

export function showTable<Row>(terminal: Terminal, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  const [titles = "", ...lines] = table(rows, columns, terminal.width);
  terminal.data(terminal.bold(titles));
  for (const line of lines) terminal.data(line);
}
