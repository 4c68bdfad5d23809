import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import * as z from "zod";

interface Row {
  readonly id: number;
}

/**
 * Rows of one kind, kept in memory and written ahead to the journal. A row that somebody holds never changes: `change`
 * lays the fields that are given over the row as it is now, so that two requests never undo each other.
 */
export interface Table<T extends Row> {
  all(): T[];
  get(id: number): T | undefined;
  insert(row: Omit<T, "id">): T;
  change(id: number, fields: { readonly [Field in keyof T]?: T[Field] | undefined }): T;
  remove(id: number): void;
}

export interface Journal {
  table<T extends Row>(name: string, schema: z.ZodType<T>): Table<T>;
  close(): void;
}

const entrySchema = z.object({ table: z.string(), id: z.number(), row: z.unknown() });

/**
 * An append-only file of JSON lines, one for each change. Every line is handed to the kernel before the change is
 * answered, so a killed process loses nothing; a line cut short by the kill is dropped at the next opening.
 */
export function openJournal(file: string): Journal {
  const entries = existsSync(file) ? readEntries(file) : [];
  const fd = openSync(file, "a");

  function append(table: string, id: number, row: unknown): void {
    writeSync(fd, `${JSON.stringify({ table, id, row })}\n`);
  }

  return {
    table(name, schema) {
      const rows = new Map<number, z.infer<typeof schema>>();
      let lastId = 0;
      for (const entry of entries) {
        if (entry.table !== name) continue;
        lastId = Math.max(lastId, entry.id);
        if (entry.row === null) rows.delete(entry.id);
        else rows.set(entry.id, schema.parse(entry.row));
      }
      const put = (row: z.infer<typeof schema>) => {
        append(name, row.id, row);
        rows.set(row.id, row);
        return row;
      };
      return {
        all: () => [...rows.values()],
        get: (id) => rows.get(id),
        insert(fields) {
          lastId += 1;
          return put(schema.parse({ ...fields, id: lastId }));
        },
        change(id, fields) {
          const given = Object.entries(fields).filter(([, value]) => value !== undefined);
          return put(schema.parse({ ...rows.get(id), ...Object.fromEntries(given), id }));
        },
        remove(id) {
          append(name, id, null);
          rows.delete(id);
        },
      };
    },
    close: () => closeSync(fd),
  };
}

function readEntries(file: string): z.infer<typeof entrySchema>[] {
  const text = readFileSync(file, "utf8");
  const whole = text.lastIndexOf("\n") + 1;
  if (whole < text.length) truncateSync(file, Buffer.byteLength(text.slice(0, whole)));
  return text
    .slice(0, whole)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => entrySchema.parse(JSON.parse(line)));
}
