import { html } from "hono/html";
import { countLetters } from "../../letters/count-letters.ts";
import type { Letter } from "../../letters/letter.ts";
import { warnOfReading } from "../../letters/warn.ts";
import { LETTER_CLASSES, LETTER_STAGES } from "../../options.ts";
import { count } from "../../output/count.ts";
import { personName } from "../../output/letter-views.ts";
import type { Asked } from "../ask.ts";
import { keyOf } from "../choose-letters.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Form } from "./form.ts";
import { type Html, text } from "./layout.ts";
import { warningList, when } from "./parts.ts";

export type LettersView = {
  snapshot: Snapshot;
  chosen: readonly Letter[];
  asked: Asked;
  /** Messages on the queue by now, where that is another number than was read. */
  onQueue: number | undefined;
  form: Form;
};

/** Rows of one page; a plan can still take all that match. */
const SHOWN = 200;

export function lettersPage({ snapshot, chosen, asked, onQueue, form }: LettersView): Html {
  const { trouble } = asked;
  return html`<div class="title">
      <h1>Dead letters</h1>
      ${form({ action: `/letters/read?${asked.query}` }, html`<button>Read again</button>`)}
    </div>
    <p class="faint">
      ${chosen.length.toLocaleString("en")} of ${count(snapshot.letters.length, "letter")}, read
      ${when(snapshot.at.toISOString())}${onQueue === undefined ? "." : html`. <strong>The queue counts ${onQueue} by now.</strong>`}
    </p>
    ${warningList(warnOfReading(snapshot))} ${filterForm(asked, snapshot.letters)}
    ${chosen.length === 0 ? nothing(snapshot, trouble) : selection(chosen, asked, form)}`;
}

function nothing({ letters, missing }: Snapshot, trouble: string | undefined): Html {
  if (trouble !== undefined) return html``;
  if (letters.length > 0) return html`<p class="empty">None of ${count(letters.length, "letter")} matches.</p>`;
  return html`<p class="empty">${missing > 0 ? "No letters could be seen." : "No dead letters: all is done."}</p>`;
}

function filterForm({ options, search, isGrouped, trouble }: Asked, letters: readonly Letter[]): Html {
  const isOpen = Object.values(options).some((value) => value !== undefined) || trouble !== undefined;
  const field = (name: string, label: string, value = "", hint = "") =>
    html`<label>${label} <input name="${name}" value="${text(value)}" placeholder="${hint}" autocomplete="off" /></label>`;
  const choice = (name: string, label: string, words: readonly string[], value: string | undefined) =>
    html`<label
      >${label}
      <select name="${name}">
        <option value="">any</option>
        ${words.map((word) => html`<option ${word === value ? "selected" : ""}>${word}</option>`)}
      </select></label
    >`;
  const codes = [...new Set(letters.map(({ code }) => code))].toSorted().slice(0, 100);
  return html`<form class="filter" method="get" action="/letters" role="search" aria-label="Dead letters">
    <div class="search">
      <input type="search" name="q" value="${text(search)}" aria-label="Search" placeholder="Person, reason, code, delivery …" />
      <button class="primary">Search</button>
    </div>
    <label class="check"><input type="checkbox" name="group" value="time" ${isGrouped ? "" : "checked"} /> By time, not by reason</label>
    <details ${isOpen ? "open" : ""}>
      <summary>Filter</summary>
      ${trouble === undefined ? "" : html`<p class="notice bad" role="alert">${text(trouble)}</p>`}
      <div class="fields">
        ${field("user", "Person", options.user)} ${choice("stage", "Stage", LETTER_STAGES, options.stage)}
        <label>Code <input name="code" list="codes" value="${text(options.code ?? "")}" placeholder="gitea.*" autocomplete="off" /></label>
        ${choice("class", "Class", LETTER_CLASSES, options.class)}
        ${field("since", "Failed since", options.since, "2h, 2026-11-24")} ${field("until", "Failed until", options.until, "30m")}
        ${field("id", "Letter or delivery", options.id?.join(" "))} ${field("limit", "At most, the oldest", options.limit)}
      </div>
      <datalist id="codes">${codes.map((code) => html`<option value="${text(code, 200)}"></option>`)}</datalist>
      <p class="actions"><button>Filter</button> <a href="/letters">Show all</a></p>
    </details>
  </form>`;
}

function selection(chosen: readonly Letter[], { isGrouped, query }: Asked, form: Form): Html {
  const shown = chosen.slice(0, SHOWN);
  const rest = chosen.length - shown.length;
  return form(
    { action: `/plans?${query}`, kind: "selection" },
    html`<div class="bar">
      <label class="check"><input type="checkbox" name="all" value="yes" /> All ${chosen.length.toLocaleString("en")} that match</label>
      <span id="selected" class="faint" role="status"></span>
      <button class="primary" name="verb" value="replay">Plan a replay</button>
      <button name="verb" value="discard">Plan a discard</button>
    </div>
    ${isGrouped ? groups(shown, chosen) : html`<ul class="letters" aria-label="Letters">${shown.map((one) => row(one))}</ul>`}
    ${rest > 0 ? html`<p class="faint">… and ${rest.toLocaleString("en")} more: search or filter to see them.</p>` : ""}`,
  );
}

function groups(shown: readonly Letter[], chosen: readonly Letter[]): Html[] {
  return countLetters(chosen).flatMap((group, index) => {
    const { stage, code, class: kind, letters, people, oldest } = group;
    const rows = shown.filter((one) => one.stage === stage && one.code === code && one.class === kind);
    if (rows.length === 0) return [];
    const isWhole = rows.length === letters;
    const title = html`<h2 id="group-${index}">${text(code, 200)} <span class="faint">${text(stage, 200)} · ${kind}</span></h2>`;
    const facts = `${count(letters, "letter")} of ${count(people, "person", "people")}, oldest`;
    const all = html`<label class="check"
      ><input type="checkbox" data-group="group-${index}" aria-label="Select all letters of ${text(code, 200)} at ${text(stage, 200)}" />
      All</label
    >`;
    return [
      html`<section class="group" aria-labelledby="group-${index}">
        <div class="title">${title}<span class="faint">${facts} ${when(oldest)}</span>${isWhole ? all : ""}</div>
        <ul class="letters" data-members="group-${index}" aria-labelledby="group-${index}">${rows.map((one) => row(one, true))}</ul>
      </section>`,
    ];
  });
}

function row(letter: Letter, isGrouped = false): Html {
  const { code, stage, reason, failedAt, envelope } = letter;
  const person = text(personName(letter) ?? "nobody known", 200);
  const replays = envelope?.replay.number ?? 0;
  return html`<li class="letter">
    <input type="checkbox" name="key" value="${keyOf(letter)}" aria-label="Select the letter of ${person}, ${text(code, 200)}" />
    <a class="who" href="/letter?key=${keyOf(letter)}">${person}</a>
    <span class="what">
      ${isGrouped ? "" : html`<code>${text(code, 200)}</code> <span class="faint">${text(stage, 200)}</span>`}
      <span class="reason">${text(reason, 300)}</span>
    </span>
    <span class="faint">${replays > 0 ? `replayed ${replays} × · ` : ""}${when(failedAt)}</span>
  </li>`;
}
