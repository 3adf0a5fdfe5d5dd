// What puts the page together: controls, address, keys.

const progress = document.getElementById("progress");
const tell = (text) => { if (progress.textContent !== text) progress.textContent = text; };

function options(name, values) {
  const present = values.filter(([, label]) => label !== "");
  const label = document.getElementById(`label-${name}`);
  if (present.length < 2) return;
  label.hidden = false;
  const select = document.getElementById(`filter-${name}`);
  select.append(new Option("all", ""));
  for (const [value, text] of present) select.append(new Option(clean(text).slice(0, 90), value));
  select.addEventListener("change", () => { state[name] = select.value; changed(); });
}

function counted(column) {
  const counts = new Map();
  for (const number of index.columns[column]) counts.set(number, (counts.get(number) || 0) + 1);
  return counts;
}

function makeControls() {
  options("result", index.results.map((one, at) => [String(at), index.results.some((other) => other.benchmark !== one.benchmark) ? `${one.benchmark} · ${one.name}` : one.name]));
  for (const name of NAMED) {
    const counts = counted(name);
    const known = index.names[name].map((text, at) => [text, counts.get(at) || 0]);
    if (name === "cause" || name === "rule") known.sort((a, b) => b[1] - a[1]);
    else known.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    options(name, known.filter(([text]) => text).map(([text, count]) => [text, `${text} (${count.toLocaleString("en")})`]));
  }
  const changes = new Set(index.columns.change);
  if (changes.size > 1) {
    options("change", [["changed", "changed"], ...index.changes.slice(1).map((name) => [name, name])]);
  }
  const outcomes = document.getElementById("filter-outcome");
  const counts = counted("outcome");
  index.outcomes.forEach((name, number) => {
    if (!counts.has(number)) return;
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = name;
    box.addEventListener("change", () => {
      if (box.checked) state.outcome.add(name);
      else state.outcome.delete(name);
      changed();
    });
    label.append(box, made("span", `${name} (${counts.get(number).toLocaleString("en")})`, `tag ${name}`));
    outcomes.append(label);
  });
}

function showControls() {
  for (const name of ["result", "change", ...NAMED]) document.getElementById(`filter-${name}`).value = state[name];
  const words = document.getElementById("filter-q");
  if (words.value !== state.q) words.value = state.q;
  for (const box of document.querySelectorAll("#filter-outcome input")) box.checked = state.outcome.has(box.value);
}

function apply() {
  showControls();
  search(matching(), state.q.trim(), showRows, tell);
}

// A filter was changed by hand: the case that is shown may not be among the rows any more.
function changed() {
  state.case = "";
  state.of = "";
  writeAddress(true);
  chosen = -1;
  list.scrollTop = 0;
  apply();
}

function openCase() {
  if (!state.case) return false;
  const found = rowsOf(state.case).filter((row) => !state.of || index.columns.result[row] === Number(state.of));
  if (!found.length) {
    tell(`There is no case ${clean(state.case)} on this page.`);
    return false;
  }
  const place = listed.indexOf(found[0]);
  if (place >= 0) choose(place, false);
  else showTranscript(found[0]);
  return true;
}

function followAddress() {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) return;
  readAddress();
  apply();
  if (openCase()) document.getElementById("questions").scrollIntoView();
}

function listen() {
  let waiting = 0;
  const words = document.getElementById("filter-q");
  words.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.q = words.value; changed(); }, 200);
  });
  document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("clear").addEventListener("click", () => {
    for (const name of PLAIN) state[name] = "";
    state.outcome = new Set();
    changed();
  });
  document.getElementById("export-csv").addEventListener("click", () => exportRows(true, tell));
  document.getElementById("export-jsonl").addEventListener("click", () => exportRows(false, tell));
  list.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  addEventListener("resize", draw);
  addEventListener("keydown", onKey);
  addEventListener("popstate", followAddress);
  for (const link of document.querySelectorAll("a[data-cause]")) {
    const given = new URLSearchParams({ cause: clean(link.dataset.cause) });
    link.href = `#${given}`;
  }
}

async function start() {
  const explorer = document.getElementById("explorer");
  if (!explorer) return;
  if (typeof DecompressionStream === "undefined") {
    explorer.before(made("p", "This browser is too old to show the questions: it has no DecompressionStream.", "notice caution"));
    return;
  }
  await loadIndex();
  usual = usualOutcomes();
  makeControls();
  explorer.hidden = false;
  listen();
  readAddress();
  if (!state.outcome) state.outcome = new Set(usual); // the address names a section
  apply();
  if (openCase()) document.getElementById("questions").scrollIntoView();
  else if (listed.length) showTranscript(listed[0]);
}

start().finally(() => { document.documentElement.dataset.ready = String(Math.round(performance.now())); });
