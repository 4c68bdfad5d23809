import { html } from "hono/html";
import type { Warning } from "../../letters/warn.ts";
import type { Column } from "../../output/table.ts";
import { absolute, ago } from "../../output/times.ts";
import { type Html, text } from "./layout.ts";

/** `3 min ago`, with the time itself on hover and for programs. */
export function when(iso: string, now = new Date()): Html {
  return html`<time datetime="${text(iso)}" title="${text(absolute(iso))}">${text(ago(iso, now))}</time>`;
}

/** The columns of the command's tables as HTML; on a narrow screen each row becomes a small block. */
export function table<Row>(caption: string, rows: readonly Row[], columns: readonly Column<Row>[]): Html {
  const head = columns.map(({ title, isNumber }) => {
    const label = title === "" ? html`<span class="unseen">Details</span>` : named(title);
    return html`<th scope="col" class="${isNumber ? "number" : ""}">${label}</th>`;
  });
  const body = rows.map(
    (row) =>
      html`<tr>
        ${columns.map(({ title, isNumber, isFlexible, text: show }) => {
          const value = text(show(row), 500);
          return html`<td class="${isNumber ? "number" : ""}${isFlexible ? "wide" : ""}" data-title="${named(title)}">${value}</td>`;
        })}
      </tr>`,
  );
  return html`<table class="stack">
    <caption class="unseen">
      ${caption}
    </caption>
    <thead>
      <tr>
        ${head}
      </tr>
    </thead>
    <tbody>
      ${body}
    </tbody>
  </table>`;
}

/** `FAILED AT` → `Failed at`. */
function named(title: string): string {
  return title.slice(0, 1) + title.slice(1).toLowerCase();
}

export function warningList(warnings: readonly Pick<Warning, "text">[]): Html {
  if (warnings.length === 0) return html``;
  return html`<ul class="notices" aria-label="Warnings">
    ${warnings.map((warning) => html`<li class="notice warn">${text(warning.text)}</li>`)}
  </ul>`;
}
