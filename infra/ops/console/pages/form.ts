import { html } from "hono/html";
import type { Html } from "./layout.ts";

/** A form that does something. */
export type Form = (where: { action: string; kind?: string }, content: Html) => Html;

/** The name of the field that every form carries. */
export const TOKEN_FIELD = "token";

/** The only way to make a form that posts: the console takes none without its token (door.ts). */
export function createForm(token: string): Form {
  return ({ action, kind = "" }, content) =>
    html`<form method="post" action="${action}" class="${kind}"><input type="hidden" name="${TOKEN_FIELD}" value="${token}" />${content}</form>`;
}
