const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 36;

/* A queue over time: one line for what waits, one for what is in flight; the words in the cell become the drawing's name. */
export function drawAll(root) {
  for (const cell of root.querySelectorAll("[data-series]")) draw(cell);
}

function draw(cell) {
  const series = JSON.parse(cell.dataset.series);
  const words = cell.textContent.trim();
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const title = element("title", {});
  title.textContent = words;
  svg.append(title, element("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }));
  if (series.length > 0) svg.append(...lines(series));
  const most = element("span", { class: "most", "aria-hidden": "true" }, "http://www.w3.org/1999/xhtml");
  most.textContent = series.length > 0 && mostOf(series) > 0 ? `up to ${mostOf(series)}` : "";
  cell.replaceChildren(svg, most);
}

function lines(series) {
  const start = series[0][0];
  // A console that was just opened draws its first minute from the left, not two points across the whole width.
  const span = Math.max(60_000, series.at(-1)[0] - start);
  const top = Math.max(1, mostOf(series));
  const place = (at, value) => `${((at - start) / span) * WIDTH},${HEIGHT - 1 - (value / top) * (HEIGHT - 4)}`;
  const path = (index) => series.map((sample) => place(sample[0], sample[index])).join(" L");
  const last = series.at(-1)[0];
  return [
    element("path", { class: "area", d: `M${place(start, 0)} L${path(1)} L${place(last, 0)} Z` }),
    element("path", { class: "held", d: `M${path(2)}` }),
    element("path", { class: "waiting", d: `M${path(1)}` }),
  ];
}

function mostOf(series) {
  return Math.max(...series.map(([, waiting, held]) => Math.max(waiting, held)));
}

function element(name, attributes, space = SVG) {
  const made = document.createElementNS(space, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  return made;
}
