// The lineage of one row: where it comes from, what it was asked with, and why it was kept or dropped.

const LONG = 900; // characters; a longer text is folded
const HUGE = 20000; // the row's own texts are folded only above this
const parts = new Map(); // payloads that were decoded, by id
const parsed = new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve));

/** Item `place` of a list that travels in pieces. */
async function item(name, place) {
  const id = `${name}-${Math.floor(place / data.piece)}`;
  return (await part(id))[place % data.piece];
}

/** A payload; the list is there before the browser has read those that only a lineage needs. */
function part(id) {
  if (!parts.has(id)) parts.set(id, parsed.then(() => decode(id)));
  return parts.get(id);
}

async function openLineage() {
  const row = shown[active];
  if (!row) return;
  const panel = byId("lineage");
  byId("lineage-title").textContent = `${number.format(active + 1)} of ${number.format(shown.length)}`;
  byId("previous").disabled = active === 0;
  byId("next").disabled = active === shown.length - 1;
  if (!panel.open) {
    // on a phone it covers the page, which must then not answer; elsewhere the list beside it stays in use
    if (matchMedia("(max-width: 48rem)").matches) panel.showModal();
    else panel.show();
  }
  const content = await complete(row).then(lineage, (error) => [`This row cannot be read (${error}).`]);
  if (shown[active] !== row) return; // another row was chosen meanwhile
  byId("lineage-body").replaceChildren(...content);
  byId("lineage-body").scrollTop = 0;
  panel.dataset.row = row.id ?? "";
}

function closeLineage(focused = list) {
  if (!byId("lineage").open) return;
  byId("lineage").close();
  focused.focus({ preventScroll: true }); // closing moves the focus, too
}

/** A row with its lineage: indices and placeholders replaced by the texts that they stand for. */
async function complete(row) {
  const more = await item("lineage", row.place);
  const document = row.document === null ? null : await item("documents", row.document);
  const passages = await Promise.all((more.passages ?? []).map(passage));
  const texts = { d: document?.text ?? more.text, i: row.instruction, n: row.input };
  passages.forEach(({ text }, place) => (texts[`p${place}`] = text));
  (more.counterexamples ?? []).forEach(([, text], place) => (texts[`c${place}`] = text));
  const [prompt, responsePrompt] = [await turns(more.prompt, texts), await turns(more.response_prompt, texts)];
  return { ...row, ...more, document, passages, prompt, responsePrompt };
}

async function passage([which, score]) {
  if (typeof which !== "number") return { source: null, text: which, score };
  const { source, text } = await item("documents", which);
  return { source, text, score };
}

/** The messages of a prompt, as they were sent. */
async function turns(prompt, texts) {
  if (!prompt) return null;
  const [before, last] = prompt;
  const earlier = before === null ? [] : ((await part("shared"))[before] ?? []);
  const content = last.replace(/\0([a-z]\d*)\0/g, (sign, name) => texts[name] ?? sign);
  return [...earlier, { role: "user", content }];
}

// what is shown

function lineage(row) {
  return [
    status(row),
    ...section("Instruction", row.instruction && fold(row.instruction, HUGE, "instruction")),
    ...section("Input", row.input && fold(row.input, HUGE)),
    ...section("Response", row.output && fold(row.output, HUGE)),
    ...section("What the teacher wrote", written(row)),
    ...section("Tags and origin", facts(row)),
    ...section("Verdicts", ...(row.verdicts ?? []).map(([name, value]) => measure(name, value, "neither yes nor no"))),
    ...section("Document", ...source(row)),
    ...section("Had to differ from", ...(row.counterexamples ?? []).map(([id, text]) => quote(id, text || (id ?? "")))),
    ...section("Answered with these passages", ...row.passages.map(grounding)),
    ...section("Prompt as sent", ...(row.prompt ?? []).map(turn)),
    ...section("Prompt of the response as sent", ...(row.responsePrompt ?? []).map(turn)),
  ];
}

/** A heading and what is below it, or nothing where nothing is known. */
function section(title, ...content) {
  const known = content.filter(Boolean);
  return known.length ? [make("h3", "", title), ...known] : [];
}

function status(row) {
  const line = make("p", "statusline", says("span", row.reason === null ? "badge kept" : "badge", row.reason ?? "kept"));
  if (row.reason !== null) line.append(" rejected in ", says("bdi", "", row.stage ?? "–"));
  if (row.detail) line.append(": ", says("bdi", "detail", row.detail));
  return line;
}

/** The completion of a rejected row, where it says more than what was taken from it. */
function written({ completion, instruction, output }) {
  if (completion === null || [instruction, output].includes(completion.trim())) return null;
  return fold(completion || "(nothing)", HUGE);
}

function facts(row) {
  const known = [
    ["Task type", row.task_type],
    ["Task type asked for", row.task_type_asked === row.task_type ? null : row.task_type_asked],
    ["Taken off by parsing", row.removed],
    ["Characteristic", row.characteristic],
    ["Style", row.style],
    ["Origin", row.origin],
    ["Round", row.round],
    ["Instruction tokens", row.tokens],
    ["Response tokens", row.response_tokens],
    ["Nearest other instruction", row.similarity],
    ["Reward", row.reward],
    ["Pulls", row.pulls],
    ["IFD", row.ifd],
    ["Loss of the answer", row.answer_loss],
    ["Finish reason", row.finish_reason],
    ["Teacher", row.teacher],
    ["Prompt digest", row.prompt_digest],
    ["Row id", row.id],
  ].filter(([, value]) => value !== null && value !== undefined);
  const show = (value) => (typeof value === "number" ? number.format(value) : String(value));
  return known.length
    ? make("dl", "facts", ...known.flatMap(([name, value]) => [make("dt", "", name), make("dd", "", fold(show(value)))]))
    : null;
}

function source({ document, text }) {
  if (!document) return text ? [fold(text)] : [];
  const cut = document.cut ? " (its beginning; the whole text is in the run's parquet files)" : "";
  return [says("p", "source", `${document.source ?? document.id ?? ""}${cut}`), document.text && fold(document.text)];
}

function quote(id, text) {
  return make("div", "item", fold(text), says("p", "source", id === text ? "" : (id ?? "")));
}

function grounding({ source, text, score }) {
  const node = make("div", "item", measure(source ?? "passage", score));
  if (text) node.append(fold(text));
  return node;
}

function turn({ role, content }) {
  return make("div", "turn", says("p", "source", role), fold(content));
}

/** A text of the run; a long one is folded, and is put into the page when it is unfolded. */
function fold(text, limit = LONG, name = "") {
  if (text.length <= limit) return says("div", `text ${name}`, text);
  const beginning = says("bdi", "", clip(text.slice(0, 1000).replace(/\s+/g, " "), 160));
  const node = make("details", "", make("summary", "", beginning, ` (${number.format(text.length)} characters)`));
  node.addEventListener("toggle", () => node.append(says("div", `text ${name}`, text)), { once: true });
  return node;
}

/** A name, a bar and a number in [0, 1]. */
function measure(name, value, missing = "") {
  const node = make("div", "measure", says("span", "", name));
  if (value === null || value === undefined) {
    node.append(make("span", "muted", missing));
    return node;
  }
  const track = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const filled = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  track.setAttribute("class", "track");
  track.setAttribute("aria-hidden", "true");
  filled.setAttribute("width", `${100 * Math.max(0, Math.min(1, value))}%`);
  filled.setAttribute("height", "100%");
  track.append(filled);
  node.append(track, make("span", "number", value.toFixed(3)));
  return node;
}

start().catch((error) => complain(`The rows cannot be read (${error}): make the report again.`));
