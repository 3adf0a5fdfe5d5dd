// The index: columns of small numbers, one row per case.

let index = null; // results, names, columns, letters, tails, more, starts
let size = 0;

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

async function unpacked(name) {
  const element = document.getElementById(`data-${name}`);
  const stream = new Blob([bytesOf(element.textContent)]).stream();
  const text = await new Response(stream.pipeThrough(new DecompressionStream("deflate"))).text();
  return JSON.parse(text);
}

async function loadIndex() {
  index = await unpacked("index");
  index.tails = index.tails.split("\n");
  size = index.columns.result.length;
  for (const known of Object.values(index.names)) known.forEach((name, at) => { known[at] = clean(name); });
}

function idOf(row) {
  const stem = index.names.stem[index.columns.stem[row]];
  return stem ? `${stem}/${index.tails[row]}` : index.tails[row];
}

function nameOf(column, row) {
  return index.names[column][index.columns[column][row]];
}

const outcomeOf = (row) => index.outcomes[index.columns.outcome[row]];
const changeOf = (row) => index.changes[index.columns.change[row]];
const resultOf = (row) => index.results[index.columns.result[row]];
const letterOf = (which, row) => index.letters[which][row];

// The rows of a question in all results.
let rowsById = null;
function rowsOf(id) {
  if (!rowsById) {
    rowsById = new Map();
    for (let row = 0; row < size; row += 1) {
      const key = idOf(row);
      const known = rowsById.get(key);
      if (known) known.push(row);
      else rowsById.set(key, [row]);
    }
  }
  return rowsById.get(id) || [];
}

// What strangers wrote, without what commands a terminal, reverses the direction of writing or is no character.
const SEQUENCE = /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g;
const UNFIT = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SUSPECT = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/;
function clean(text) {
  const said = String(text);
  if (!SUSPECT.test(said)) return said;
  return said.replace(/\r\n?/g, "\n").replace(SEQUENCE, "").replace(UNFIT, "\ufffd");
}
