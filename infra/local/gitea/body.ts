import type { Context } from "hono";
import * as z from "zod";
import { invalid } from "./refusals.ts";

/**
 * Reads a JSON body the way Gitea's binding does: by content type first, an empty body as missing fields, the first
 * fault only. `structure` is the Go name that appears in a type error.
 */
export async function readBody<T>(c: Context, structure: string, schema: z.ZodType<T>): Promise<T> {
  const contentType = c.req.header("content-type") ?? "";
  if (!contentType.includes("json")) {
    const mustHaveBody = c.req.method === "POST" || c.req.method === "PUT" || contentType !== "";
    if (mustHaveBody) throw invalid(`[]: ${contentType === "" ? "Empty" : "Unsupported"} Content-Type`);
    return parse({}, structure, schema);
  }
  const text = await c.req.text();
  return parse(text.trim() === "" ? {} : parseObject(text), structure, schema);
}

function parseObject(text: string): unknown {
  const unreadable = () => invalid("[]: invalid character looking for beginning of value");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable();
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw unreadable();
  return value;
}

function parse<T>(value: unknown, structure: string, schema: z.ZodType<T>): T {
  const result = schema.safeParse(withoutNulls(value));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.map(String).join(".") ?? "";
  const expected = issue?.code === "invalid_type" ? issue.expected : "the field's type";
  throw invalid(`[]: json: cannot unmarshal value into Go struct field ${structure}.${field} of type ${expected}`);
}

/** Go reads `null` as "not given". */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}

/** Fields of a create: missing is empty. */
export const text = z.string().default("");
export const flag = z.boolean().default(false);
