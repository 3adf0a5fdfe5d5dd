// The list: of all rows that are listed, only those in view are elements.

const HEIGHT = 52; // of a row in pixels, as in questions.css
const MOST = 300000; // browsers cannot scroll through more
let listed = [];
let chosen = -1; // a place in `listed`
const list = document.getElementById("list");
const rowsElement = document.getElementById("rows");

function made(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined && text !== "") element.textContent = text;
  if (className) element.className = className;
  return element;
}

function described(row) {
  const said = letterOf("said", row);
  const right = letterOf("answer", row);
  const letters = outcomeOf(row) === "correct" ? right : `${said === "-" ? "no letter" : said}, right is ${right}`;
  const change = changeOf(row);
  return change && change !== "same" ? `${letters}, ${change}` : letters;
}

function rowElement(place) {
  const row = listed[place];
  const element = made("div", "", "row");
  element.id = `row-${place}`;
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", String(place === chosen));
  element.setAttribute("aria-setsize", String(listed.length));
  element.setAttribute("aria-posinset", String(place + 1));
  element.style.top = `${place * HEIGHT}px`;
  const where = made("span", "", "where");
  where.append(made("span", outcomeOf(row), `tag ${outcomeOf(row)}`), ` ${clean(idOf(row))}`);
  if (index.results.length > 1) where.append(` (${clean(resultOf(row).name)})`);
  const preview = made("span", "\u00a0", "preview");
  element.append(where, made("span", described(row), "what"), preview);
  textsOf(row).then((units) => { preview.textContent = previewOf(units) || nameOf("cause", row) || "\u00a0"; });
  element.addEventListener("click", () => choose(place, false));
  return element;
}

function draw() {
  const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 4);
  const last = Math.min(listed.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + 4);
  const elements = [];
  for (let place = first; place < last; place += 1) elements.push(rowElement(place));
  rowsElement.replaceChildren(...elements);
  const element = document.getElementById(`row-${chosen}`);
  if (element) list.setAttribute("aria-activedescendant", element.id);
  else list.removeAttribute("aria-activedescendant");
}

function showRows(rows) {
  const row = listed[chosen];
  listed = rows.length > MOST ? rows.slice(0, MOST) : rows;
  chosen = row === undefined ? -1 : listed.indexOf(row);
  rowsElement.style.height = `${listed.length * HEIGHT}px`;
  const most = rows.length > MOST ? `, of which the first ${MOST.toLocaleString("en")} are listed` : "";
  document.getElementById("count").textContent =
    `${rows.length.toLocaleString("en")} of ${size.toLocaleString("en")} cases${most}`;
  draw();
}

function reveal(place) {
  const top = place * HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
}

function choose(place, isFocused = true) {
  if (!listed.length) return;
  chosen = Math.min(listed.length - 1, Math.max(0, place));
  reveal(chosen);
  draw();
  if (isFocused) list.focus({ preventScroll: true });
  const row = listed[chosen];
  state.case = idOf(row);
  state.of = index.results.length > 1 ? String(index.columns.result[row]) : "";
  writeAddress(false);
  showTranscript(row);
}

const pageful = () => Math.max(1, Math.floor(list.clientHeight / HEIGHT) - 1);
const MOVES = {
  j: () => chosen + 1, ArrowDown: () => chosen + 1, k: () => chosen - 1, ArrowUp: () => chosen - 1,
  PageDown: () => chosen + pageful(), PageUp: () => chosen - pageful(), Home: () => 0, End: () => listed.length - 1,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !MOVES[event.key]) return;
  const inList = document.activeElement === list;
  const isLetter = event.key === "j" || event.key === "k";
  const isTyping = /^(?:INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (!inList && (!isLetter || isTyping)) return;
  event.preventDefault();
  choose(MOVES[event.key]());
}
