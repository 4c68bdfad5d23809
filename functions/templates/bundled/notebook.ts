type Cell = { cell_type: "markdown" | "code"; id: string; source: string[] };

/** A Markdown cell. Ids are part of the file (nbformat 4.5), so they are names that stay, not random ones. */
export function markdown(id: string, text: string): Cell {
  return { cell_type: "markdown", id, source: linesOf(text) };
}

/** A code cell that has not run yet. */
export function code(id: string, text: string): Cell {
  return { cell_type: "code", id, source: linesOf(text) };
}

/** A Python notebook as Jupyter itself would save it: keys in order, one blank of indent, so that a first save changes little. */
export function notebook(cells: Cell[]): string {
  const saved = cells.map(({ cell_type, id, source }) =>
    cell_type === "code"
      ? { cell_type, execution_count: null, id, metadata: {}, outputs: [], source }
      : { cell_type, id, metadata: {}, source },
  );
  const metadata = {
    kernelspec: { display_name: "Python 3 (ipykernel)", language: "python", name: "python3" },
    language_info: { name: "python" },
  };
  return `${JSON.stringify({ cells: saved, metadata, nbformat: 4, nbformat_minor: 5 }, null, 1)}\n`;
}

function linesOf(text: string): string[] {
  return text.trim().split(/(?<=\n)/);
}
