// The texts of cases: chunks that are unpacked when one of their cases is shown, searched or saved.

const unpackedChunks = new Map(); // number -> promise of texts; the last few are kept
const KEPT = 12;

function chunkOf(text) {
  let low = 0;
  let high = index.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (index.starts[middle] <= text) low = middle;
    else high = middle - 1;
  }
  return low;
}

function chunk(number) {
  let known = unpackedChunks.get(number);
  unpackedChunks.delete(number);
  known = known || unpacked(`chunk-${number}`).then(completed);
  unpackedChunks.set(number, known); // now the newest
  for (const oldest of unpackedChunks.keys()) {
    if (unpackedChunks.size <= KEPT) break;
    unpackedChunks.delete(oldest);
  }
  return known;
}

// A text that begins as the last one in its place is stored as [shared length, rest].
function completed(units) {
  const before = new Map();
  const whole = (place, stored) => {
    const text = Array.isArray(stored) ? before.get(place).slice(0, stored[0]) + stored[1] : stored;
    before.set(place, text);
    return text;
  };
  for (const unit of units) {
    for (const exchange of unit.x) {
      (exchange.messages || []).forEach((message, place) => { message[1] = whole(place, message[1]); });
      if (exchange.prompt !== undefined) exchange.prompt = whole(-1, exchange.prompt);
    }
  }
  return units;
}

// Everything that was said in a case: [] for one whose texts are not on the page.
async function textsOf(row) {
  const first = index.columns.text[row];
  if (first < 0) return [];
  const found = [];
  for (const text of [first, ...(index.more[row] || [])]) {
    const number = chunkOf(text);
    found.push((await chunk(number))[text - index.starts[number]]);
  }
  return found;
}

function promptOf(exchange) {
  if (exchange.prompt !== undefined) return exchange.prompt;
  const messages = exchange.messages || [];
  return messages.length ? messages[messages.length - 1][1] : "";
}

// The question within a prompt, without instructions and worked examples before it.
const FIRST_CHOICE = /^[ \t]*[("]?[AＡأ][).:\]）．：][ \t]?/gmu;
const LEAD = /^[ \t]*(?:question|q|frage|pregunta|problem)[ \t]*\d*[ \t]*[:.][ \t]*/i;
function questionIn(prompt) {
  let start = -1;
  for (const match of prompt.matchAll(FIRST_CHOICE)) start = match.index;
  if (start < 0) return prompt;
  const before = prompt.slice(0, start).trimEnd();
  const paragraph = before.lastIndexOf("\n\n");
  return prompt.slice(paragraph < 0 ? 0 : paragraph + 2).replace(LEAD, "");
}

function ownTextOf(units) {
  const parts = [];
  for (const unit of units) {
    if (unit.error) parts.push(unit.error);
    for (const exchange of unit.x) {
      parts.push(questionIn(promptOf(exchange)));
      for (const name of ["completion", "reasoning", "error"]) if (exchange[name]) parts.push(exchange[name]);
    }
  }
  return parts.join("\n");
}

function previewOf(units) {
  const exchange = units.flatMap((unit) => unit.x).find((one) => promptOf(one));
  return exchange ? clean(questionIn(promptOf(exchange)).slice(0, 400)).replace(/\s+/g, " ") : "";
}
