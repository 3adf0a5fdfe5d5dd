// The rows that are listed, saved as CSV or JSON lines.

const FIELDS = [
  "result", "run", "id", "subject", "category", "language", "outcome", "answer", "prediction", "rule", "cause",
  "change", "seconds", "output_tokens", "question", "reply",
];

// A spreadsheet takes a cell that begins so for a formula, which could call out.
function cell(value) {
  const text = String(value ?? "");
  const harmless = /^\s*[=+\-@\t\r＝＋－＠]/.test(text) ? `'${text}` : text;
  return `"${harmless.replace(/"/g, '""')}"`;
}

function recordOf(row, units) {
  const exchanges = units.flatMap((unit) => unit.x);
  const said = letterOf("said", row);
  const asked = exchanges.find((one) => promptOf(one));
  return {
    result: resultOf(row).name, run: resultOf(row).run, id: idOf(row), subject: nameOf("subject", row),
    category: nameOf("category", row), language: nameOf("language", row), outcome: outcomeOf(row),
    answer: letterOf("answer", row), prediction: said === "-" ? null : said, rule: nameOf("rule", row),
    cause: nameOf("cause", row), change: changeOf(row), seconds: index.columns.ms[row] / 1000,
    output_tokens: index.columns.tokens[row], question: asked ? clean(questionIn(promptOf(asked))) : null,
    reply: exchanges.length ? clean(exchanges.map((one) => one.completion || one.error || "").join("\n---\n")) : null,
  };
}

function saved(name, type, parts) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

let exportNumber = 0;
async function exportRows(isCsv, told) {
  exportNumber += 1;
  const number = exportNumber;
  const rows = listed;
  const lines = new Map();
  const line = (record) => (isCsv ? `${FIELDS.map((name) => cell(record[name])).join(",")}\r\n` : `${JSON.stringify(record)}\n`);
  const finished = await throughTexts(
    rows,
    (row, units) => { lines.set(row, line(recordOf(row, units))); },
    (share) => told(`saving: ${Math.round(100 * share)} %`),
    () => number === exportNumber,
  );
  if (!finished) return;
  told("");
  const head = isCsv ? [`\ufeff${FIELDS.join(",")}\r\n`] : [];
  const body = rows.map((row) => lines.get(row) || line(recordOf(row, [])));
  saved(isCsv ? "cases.csv" : "cases.jsonl", isCsv ? "text/csv" : "application/x-ndjson", [...head, ...body]);
}
