"use strict";
// The data browser: search, filters, sorting and a list that keeps only the lines in sight in the page.
// Texts of a run are put into the page as text, never as markup.

const OVERSCAN = 8; // lines kept ready above and below those in sight
const CLIP = 300; // characters of a text that one line can show at most
const WAIT = 120; // milliseconds after the last key before a search starts

const byId = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
const list = byId("list");
const search = byId("search");

const FACETS = [
  { id: "status", of: (row) => row.reason, missing: "kept", all: "all" },
  { id: "stage", of: (row) => row.stage },
  { id: "task_type", of: (row) => row.task_type },
  { id: "characteristic", of: (row) => row.characteristic },
  { id: "style", of: (row) => row.style },
  { id: "round", of: (row) => row.round, ordered: true, show: (round) => (round === 0 ? "0 (seeds)" : String(round)) },
  { id: "ifd", of: (row) => tenth(row.ifd), ordered: true, missing: "not measured", show: tenths, measured: true },
];

/** The tenth that a share is in, as 0.4 of 0.43; the last one holds everything above. */
function tenth(share) {
  return typeof share === "number" ? Math.min(Math.floor(share * 10), 10) / 10 : null;
}

function tenths(from) {
  return from < 1 ? `${from} to ${number.format(from + 0.1)}` : "1 and more";
}

let sorts = [
  { name: "order", of: (row) => row.place, ascending: true },
  { name: "instruction length", of: (row) => row.tokens ?? words(row.instruction) },
  { name: "response length", of: (row) => row.response_tokens ?? words(row.output) },
  { name: "similarity", of: (row) => row.similarity },
  { name: "reward", of: (row) => row.reward },
  { name: "pulls", of: (row) => row.pulls },
  { name: "IFD", of: (row) => row.ifd, measured: true },
  { name: "loss of the answer", of: (row) => row.answer_loss, measured: true },
];

let data; // {rows, sources, total, piece}
let shown = []; // the rows that pass the filters, in the chosen order
let active = 0; // place in `shown` of the chosen line
let ascending = true;
let height = 0; // of a line
const lines = []; // the elements, used again and again while scrolling

function make(tag, name, ...content) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...content); // strings become text nodes
  return node;
}

/** An element around a text of the run, in the direction that the text has. */
function says(tag, name, text) {
  const node = make(tag, name);
  node.dir = "auto";
  node.textContent = text;
  return node;
}

/** Decodes one payload: base64, gzip, JSON. */
async function decode(id) {
  const binary = atob(byId(id).textContent);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

function words(text) {
  return text ? text.trim().split(/\s+/).length : null;
}

function clip(text, length = CLIP) {
  return text.length > length ? text.slice(0, length).replace(/[\ud800-\udbff]$/, "") + "…" : text;
}

/** Everything that a search looks at, in lower case; made when first needed. */
function haystack(row) {
  const source = row.document === null ? null : data.sources[row.document];
  row.haystack ??= [row.heading, row.instruction, row.input, row.output, source].join("\n").toLowerCase();
  return row.haystack;
}

// filters and order

function fillFacet(facet) {
  const counts = new Map();
  for (const row of data.rows) counts.set(facet.of(row), (counts.get(facet.of(row)) ?? 0) + 1);
  facet.values = [...counts.keys()];
  facet.values.sort(
    (a, b) => (a === null ? -1 : b === null ? 1 : facet.ordered ? a - b : counts.get(b) - counts.get(a)),
  );
  facet.select = byId(facet.id);
  const options = facet.values.map((value) => {
    const name = value === null ? (facet.missing ?? "none") : facet.show ? facet.show(value) : String(value);
    return make("option", "", `${clip(name, 60)} (${number.format(counts.get(value))})`);
  });
  facet.select.replaceChildren(make("option", "", "all"), ...options);
}

/** The filters as tests of a row; a select at "all" tests nothing. */
function tests() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = FACETS.filter((facet) => facet.select.selectedIndex > 0).map((facet) => {
    const value = facet.values[facet.select.selectedIndex - 1];
    return (row) => facet.of(row) === value;
  });
  if (wanted.length) chosen.push((row) => wanted.every((word) => haystack(row).includes(word)));
  return chosen;
}

/** Orders rows by a number; rows without one stand last either way, equal ones in the order of the file. */
function inOrder(rows) {
  const { of } = sorts[byId("sort").selectedIndex];
  const sign = ascending ? 1 : -1;
  const keyed = rows.map((row) => ({ row, key: of(row) ?? null }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return sign * (a.key - b.key) || a.row.place - b.row.place;
  });
  return keyed.map((item) => item.row);
}

function apply() {
  const passing = tests();
  shown = inOrder(data.rows.filter((row) => passing.every((test) => test(row))));
  active = 0;
  closeLineage(document.activeElement);
  for (const facet of FACETS) facet.select.classList.toggle("chosen", facet.select.selectedIndex > 0);
  const direction = byId("direction");
  direction.textContent = ascending ? "Ascending" : "Descending";
  direction.setAttribute("aria-pressed", String(!ascending));
  byId("count").textContent = countOf(shown.length);
  byId("empty").hidden = shown.length > 0 || data.rows.length === 0;
  list.hidden = shown.length === 0;
  byId("extent").style.height = `${shown.length * height}px`;
  list.classList.toggle("few", shown.length < 8);
  list.scrollTop = 0;
  fit();
}

function countOf(length) {
  if (!data.rows.length) return "There are no rows.";
  const sample = data.total > data.rows.length ? `, a sample of ${number.format(data.total)}` : "";
  return `${number.format(length)} of ${number.format(data.rows.length)} rows${sample}`;
}

function clear() {
  search.value = "";
  for (const facet of FACETS) facet.select.selectedIndex = 0;
  byId("sort").selectedIndex = 0;
  ascending = sorts[0].ascending;
  apply();
}

/** Shows the examples behind a bar of the funnel. */
function showExamples({ stage, reason = null }) {
  clear();
  for (const [id, value] of [["stage", stage], ["status", reason]]) {
    const facet = FACETS.find((facet) => facet.id === id);
    facet.select.selectedIndex = facet.values.indexOf(value) + 1;
  }
  apply();
  byId("data").scrollIntoView();
  list.focus({ preventScroll: true });
}

// the list

function makeLine() {
  const node = make("div", "row");
  node.setAttribute("role", "option");
  node.id = `line-${lines.length}`;
  list.append(node);
  return { node, row: null, place: -1 };
}

/** Makes as many lines as the list can show at once. */
function fit() {
  const wanted = Math.min(shown.length, Math.ceil(list.clientHeight / height) + 2 * OVERSCAN);
  while (lines.length < wanted) lines.push(makeLine());
  draw();
}

/** Moves each line to a row in sight; a line that already shows its row is left alone. */
function draw() {
  const first = Math.max(0, Math.floor(list.scrollTop / height) - OVERSCAN);
  list.removeAttribute("aria-activedescendant");
  for (let place = first; place < first + lines.length; place++) fill(lines[place % lines.length], place);
}

function fill(line, place) {
  const row = shown[place];
  line.node.hidden = !row;
  if (!row) return;
  if (line.row !== row) line.node.replaceChildren(...describe(row));
  if (line.place !== place) line.node.style.transform = `translateY(${place * height}px)`;
  line.node.setAttribute("aria-posinset", place + 1);
  line.node.setAttribute("aria-setsize", shown.length);
  line.node.setAttribute("aria-selected", String(place === active));
  line.node.classList.toggle("active", place === active);
  if (place === active) list.setAttribute("aria-activedescendant", line.node.id);
  line.row = row;
  line.place = place;
}

/** The two lines of text that stand for a row. */
function describe(row) {
  const about = make("span", "about");
  if (row.reason !== null) about.append(says("span", "badge", clip(row.reason, 40)), `${clip(row.stage ?? "", 20)} · `);
  const tags = [row.task_type, row.characteristic, row.style].filter((tag) => tag !== null);
  for (const tag of tags) about.append(says("bdi", "", clip(tag, 40)), " · ");
  about.append(
    [
      row.round === null ? null : row.round === 0 ? "seed" : `round ${row.round}`,
      row.tokens === null ? null : `${number.format(row.tokens)} tokens`,
      row.response_tokens === null ? null : `response ${number.format(row.response_tokens)}`,
      row.similarity === null ? null : `similarity ${number.format(row.similarity)}`,
    ]
      .filter((part) => part !== null)
      .join(" · "),
  );
  return [says("span", "what", clip((row.heading ?? row.instruction) || "(no text)")), about];
}

/** Chooses the line at a place and brings it into sight. */
function choose(place) {
  active = Math.max(0, Math.min(shown.length - 1, place));
  const top = active * height;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
  draw();
}

function chooseByKey(event) {
  const page = Math.max(1, Math.floor(list.clientHeight / height) - 1);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
  if (event.key in steps) step(steps[event.key]);
  else if (event.key === "Enter" || event.key === " ") openLineage();
  else return;
  event.preventDefault();
}

/** Goes to another row; an open lineage follows. */
function step(by) {
  choose(active + by);
  if (byId("lineage").open) openLineage();
}

// keys and clicks

function pressed(event) {
  const typing = event.target.matches("input, select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !typing) {
    closeLineage();
    search.focus();
    event.preventDefault();
  } else if (byId("lineage").open && event.key === "Escape") {
    closeLineage();
    event.preventDefault();
  } else if (byId("lineage").open && !typing && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    step(event.key === "ArrowLeft" ? -1 : 1);
    event.preventDefault();
  }
}

function listen() {
  let timer = 0;
  let drawing = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, WAIT);
  });
  byId("filters").addEventListener("change", (event) => {
    if (event.target === byId("sort")) ascending = Boolean(sorts[event.target.selectedIndex].ascending);
    if (event.target !== search) apply();
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => clear());
  byId("direction").addEventListener("click", () => {
    ascending = !ascending;
    apply();
  });
  list.addEventListener("scroll", () => {
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(draw);
  });
  list.addEventListener("keydown", chooseByKey);
  list.addEventListener("click", (event) => {
    const line = lines.find(({ node }) => node.contains(event.target));
    if (!line) return;
    choose(line.place);
    openLineage();
  });
  for (const bar of document.querySelectorAll("button.bar")) bar.addEventListener("click", () => showExamples(bar.dataset));
  document.addEventListener("keydown", pressed);
  window.addEventListener("resize", fit);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => closeLineage());
}

function lineHeight() {
  const probe = makeLine().node;
  const found = probe.offsetHeight;
  probe.remove();
  return found;
}

function complain(sentence) {
  byId("message").textContent = sentence;
  byId("message").hidden = false;
  document.documentElement.dataset.ready = "message";
}

async function start() {
  if (!("DecompressionStream" in window)) {
    return complain("This browser is too old to unpack the rows: open the page in one from 2023 or later.");
  }
  data = await decode("records");
  data.rows.forEach((row, place) => (row.place = place));
  // figures that no row has are offered nowhere
  const isKnown = ({ of, measured }) => !measured || data.rows.some((row) => typeof of(row) === "number");
  sorts = sorts.filter(isKnown);
  for (const facet of FACETS) byId(facet.id).closest("label").hidden = !isKnown(facet);
  byId("sort").replaceChildren(...sorts.map(({ name }) => make("option", "", name)));
  FACETS.forEach(fillFacet);
  byId("browser").hidden = false;
  byId("filters").hidden = data.rows.length === 0;
  height = lineHeight();
  listen();
  apply();
  requestAnimationFrame(() => (document.documentElement.dataset.ready = "rows"));
}

