import { drawAll } from "./drawing.js";

/* The key comes in the address's fragment, which is sent to nobody; it is exchanged for a cookie and taken out of sight. */
async function signIn() {
  const key = location.hash.slice(1);
  const place = document.getElementById("sign-in");
  if (!place) {
    if (/^[\w-]{40,}$/.test(key)) history.replaceState(null, "", location.pathname + location.search);
    return;
  }
  if (key === "") return;
  const answer = await fetch("/session", { method: "POST", body: key });
  if (answer.ok) location.replace(location.pathname + location.search);
  else place.textContent = await answer.text();
}

/* Whatever has data-refresh is fetched again that often, from its own page or from data-from, until it comes without. */
const announce = document.getElementById("announce");

function keepFresh(element) {
  const { refresh, from } = element.dataset;
  if (refresh === undefined) return;
  const again = async () => {
    if (!element.isConnected) return;
    // Nobody looks: no queue needs to be asked.
    if (document.hidden) document.addEventListener("visibilitychange", again, { once: true });
    else await renew(element, from ?? location.href);
  };
  setTimeout(again, Number(refresh));
}

async function renew(element, from) {
  const fresh = await look(element.id, from);
  if (!element.isConnected) return;
  // What it waited for is there: another page.
  if (fresh === null) return location.reload();
  if (!fresh || fresh.outerHTML === element.outerHTML) return keepFresh(element);
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  const opened = Array.from(element.querySelectorAll("details"), ({ open }) => open);
  if (element.id === "weather") element.replaceChildren(...fresh.childNodes);
  else element.replaceWith(fresh);
  const now = document.getElementById(element.id);
  for (const [index, details] of now.querySelectorAll("details").entries()) details.open ||= opened[index] ?? false;
  if (focused) document.getElementById(focused)?.focus();
  say(now.dataset.says);
  drawAll(now);
  keepFresh(now);
}

async function look(id, from) {
  try {
    const answer = await fetch(from, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    notice(answer.status === 401 ? "This console was started anew: open the address that it printed." : "");
    return answer.ok ? page.getElementById(id) : undefined;
  } catch {
    notice("The console does not answer: it was ended, perhaps by Ctrl-C. What you see is what was.");
    return undefined;
  }
}

function notice(sentence) {
  const place = document.getElementById("gone");
  if (place.textContent === sentence) return;
  place.textContent = sentence;
  place.hidden = sentence === "";
}

function say(words) {
  if (words && announce && announce.textContent !== words) announce.textContent = words;
}

/* Choosing letters: a group's box ticks its letters, "all that match" stands for every one of them. */
function chooseLetters(form) {
  const letters = [...form.querySelectorAll("input[name=key]")];
  const groups = [...form.querySelectorAll("input[data-group]")];
  const all = form.elements.namedItem("all");
  const membersOf = ({ dataset }) => [...form.querySelectorAll(`[data-members="${dataset.group}"] input[name=key]`)];
  const follow = (group) => {
    for (const letter of membersOf(group)) letter.checked = group.checked;
  };
  const show = () => {
    for (const group of groups) {
      const ticked = membersOf(group).filter(({ checked }) => checked).length;
      group.checked = ticked > 0 && ticked === membersOf(group).length;
      group.indeterminate = ticked > 0 && !group.checked;
      group.disabled = all.checked;
    }
    for (const letter of letters) letter.disabled = all.checked;
    const number = letters.filter(({ checked }) => checked).length;
    document.getElementById("selected").textContent = all.checked || number === 0 ? "" : `${number} selected`;
    for (const button of form.querySelectorAll(".bar button")) button.disabled = !all.checked && number === 0;
  };
  form.addEventListener("change", ({ target }) => {
    if (target.dataset.group) follow(target);
    show();
  });
  // Ticked before this script was there.
  for (const group of groups) if (group.checked) follow(group);
  show();
}

/* The button works once the count is typed; the server asks for it as well. */
function confirmByCount(input) {
  const button = input.form.querySelector("button");
  const show = () => {
    button.disabled = input.value.trim() !== input.dataset.wanted;
  };
  input.addEventListener("input", show);
  show();
}

await signIn();
drawAll(document);
for (const element of document.querySelectorAll("[data-refresh]")) keepFresh(element);
for (const form of document.querySelectorAll("form.selection")) chooseLetters(form);
for (const input of document.querySelectorAll("input[data-wanted]")) confirmByCount(input);
