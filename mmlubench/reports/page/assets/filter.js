// The filters: a state that stands in the address behind #, so that a view can be linked to.

const NAMED = ["category", "subject", "language", "rule", "cause"];
const state = { result: "", outcome: null, category: "", subject: "", language: "", change: "", rule: "", cause: "", q: "", case: "", of: "" };
const PLAIN = Object.keys(state).filter((name) => name !== "outcome");

// Failures first: that is what people look for. A run without any shows everything.
function usualOutcomes() {
  const present = new Set(index.columns.outcome.map((number) => index.outcomes[number]));
  present.delete("correct");
  return present.size ? [...present] : ["correct"];
}
let usual = [];

function readAddress() {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) return; // the anchor of a section
  const given = new URLSearchParams(hash);
  for (const name of PLAIN) state[name] = given.get(name) || "";
  const outcomes = given.get("outcome");
  if (outcomes !== null) state.outcome = new Set(outcomes.split(",").filter(Boolean));
  else state.outcome = new Set(hash && !given.has("case") ? [] : usual);
  if (given.has("case") && outcomes === null) state.outcome = new Set();
}

function address() {
  const given = new URLSearchParams();
  for (const name of PLAIN) if (state[name]) given.set(name, state[name]);
  const same = state.outcome.size === usual.length && usual.every((name) => state.outcome.has(name));
  if (state.outcome.size || !given.size) given.set("outcome", [...state.outcome].join(","));
  if (same && given.size === 1) given.delete("outcome");
  return given.size ? `#${given}` : "";
}

function permalink(row) {
  const given = new URLSearchParams({ case: idOf(row) });
  if (index.results.length > 1) given.set("of", index.columns.result[row]);
  return `#${given}`;
}

function writeAddress(isNew) {
  const target = location.pathname + location.search + address();
  if (isNew) history.pushState(null, "", target);
  else history.replaceState(null, "", target);
}

// The rows that the columns alone allow, in order.
function matching() {
  const columns = index.columns;
  const wanted = [];
  for (const name of NAMED) {
    if (state[name]) wanted.push([columns[name], index.names[name].indexOf(state[name])]);
  }
  if (state.result) wanted.push([columns.result, Number(state.result)]);
  if (state.change === "changed") {
    wanted.push([columns.change.map((change) => (change > 1 ? 1 : 0)), 1]);
  } else if (state.change) {
    wanted.push([columns.change, index.changes.indexOf(state.change)]);
  }
  const outcomes = index.outcomes.map((name) => !state.outcome.size || state.outcome.has(name));
  const rows = [];
  for (let row = 0; row < size; row += 1) {
    if (outcomes[columns.outcome[row]] && wanted.every(([column, value]) => column[row] === value)) rows.push(row);
  }
  return rows;
}
