// The transcript of a case: all that was sent and said, as text.

const transcript = document.getElementById("transcript");
const LONG = 1500;
const THINKING = /<think(?:ing)?>([\s\S]*?)(?:<\/think(?:ing)?>|$)/gi;

function folded(summary, ...inner) {
  const details = document.createElement("details");
  details.append(made("summary", summary), ...inner);
  return details;
}

const saidText = (text) => made("pre", clean(text), "said");

function facts(pairs) {
  const items = made("ul", "", "facts");
  for (const [name, value] of pairs) {
    if (value === undefined || value === null || value === "" || value === "-") continue;
    const item = document.createElement("li");
    item.append(made("b", `${name} `), clean(value));
    items.append(item);
  }
  return items;
}

function messageOf(role, text, isLast) {
  const turn = made("div", "", "turn");
  turn.append(made("p", clean(role), "role"));
  const own = questionIn(text);
  if (isLast && own.length < text.length && text.length > LONG) {
    turn.append(saidText(own), folded("the whole prompt", saidText(text)));
  } else if (isLast || text.length < LONG) turn.append(saidText(text));
  else turn.append(folded(`${text.length.toLocaleString("en")} characters`, saidText(text)));
  return turn;
}

function replyOf(exchange) {
  const turn = made("div", "", exchange.error ? "turn failed" : "turn reply");
  turn.append(made("p", exchange.error ? "failed" : "reply", "role"));
  if (exchange.reasoning) turn.append(folded("thinking", saidText(exchange.reasoning)));
  const said = exchange.completion || "";
  let at = 0;
  for (const match of said.matchAll(THINKING)) {
    if (said.slice(at, match.index).trim()) turn.append(saidText(said.slice(at, match.index)));
    turn.append(folded("thinking", saidText(match[1])));
    at = match.index + match[0].length;
  }
  if (said.slice(at).trim() || !at) turn.append(saidText(said.slice(at) || exchange.error || "(an empty reply)"));
  if (exchange.logprobs) {
    turn.append(folded("log-probabilities", saidText(exchange.logprobs.map(([token, p]) => `${JSON.stringify(token)} ${p}`).join("\n"))));
  }
  const [input, output, reasoning, cost] = exchange.usage || [];
  turn.append(facts([
    ["ended by", exchange.finish_reason], ["status", exchange.status],
    ["took", exchange.latency_s && `${exchange.latency_s.toFixed(2)} s`],
    ["tokens in", input], ["out", output], ["of them thinking", reasoning || ""],
    ["cost", typeof cost === "number" ? `$${cost.toPrecision(3)}` : ""],
    ["from the store", exchange.stored && "yes"], ["served by", exchange.served_model],
  ]));
  return turn;
}

function exchangeOf(exchange, number, count) {
  const part = document.createElement("section");
  const title = [
    count > 1 ? `Request ${number + 1} of ${count}` : "Request", exchange.model && `to ${exchange.model}`,
    exchange.epoch && `epoch ${exchange.epoch + 1}`, exchange.attempt && `attempt ${exchange.attempt}`,
  ];
  part.append(made("h4", clean(title.filter(Boolean).join(", "))));
  const messages = exchange.messages || [];
  messages.forEach(([role, text], at) => part.append(messageOf(role, text, at === messages.length - 1)));
  if (exchange.prompt !== undefined) part.append(messageOf("raw prompt, continued by the model", exchange.prompt, true));
  if (exchange.continuation) part.append(messageOf("continuation whose probability is asked for", exchange.continuation, true));
  const answered = exchange.completion !== undefined || exchange.error || exchange.reasoning || exchange.logprobs || exchange.usage;
  if (answered) part.append(replyOf(exchange));
  else part.append(made("p", exchange.cancelled ? "Cancelled: the run was stopped." : "No reply is known.", "role"));
  if (exchange.sent) part.append(folded("parameters", saidText(JSON.stringify(exchange.sent, null, 1))));
  return part;
}

function aboutCase(unit) {
  const parts = [];
  if (unit.error) parts.push(made("p", clean(unit.error), "notice caution"));
  const letter = (one) => one || "none";
  if (unit.letters) parts.push(facts([["letters of the epochs", unit.letters.map(letter).join(" ")], ["score", unit.score]]));
  (unit.rounds || []).forEach((round, at) => parts.push(facts([[`letters of round ${at + 1}`, round.map(letter).join(" ")]])));
  if (unit.probabilities) {
    const shares = Object.entries(unit.probabilities).map(([name, p]) => `${name} ${p.toFixed(3)}`);
    parts.push(facts([["probabilities", shares.join("  ")]]));
  }
  return parts;
}

function linkTo(row, text) {
  const link = made("a", text);
  link.href = permalink(row);
  return link;
}

function elsewhere(row) {
  const others = rowsOf(idOf(row)).filter((other) => other !== row);
  if (!others.length) return [];
  const line = made("p", "The same question: ");
  others.slice(0, 60).forEach((other, at) => {
    const name = clean(resultOf(other).name);
    line.append(at ? " · " : "", linkTo(other, `${name}: ${outcomeOf(other)}, ${letterOf("said", other)}`));
  });
  return [line];
}

let shownRow = -1;
async function showTranscript(row) {
  shownRow = row;
  const units = await textsOf(row);
  if (shownRow !== row) return; // another was chosen meanwhile
  const seconds = index.columns.ms[row] / 1000;
  const head = [
    made("h3", clean(idOf(row))),
    facts([
      ["outcome", outcomeOf(row)], ["answered", letterOf("said", row)], ["right", letterOf("answer", row)],
      ["read by", nameOf("rule", row)], ["subject", nameOf("subject", row)], ["category", nameOf("category", row)],
      ["language", nameOf("language", row)], ["result", index.results.length > 1 ? resultOf(row).name : ""],
      ["since the first", changeOf(row)], ["waited", seconds ? `${seconds.toFixed(2)} s` : ""],
    ]),
    made("p"),
    ...elsewhere(row),
  ];
  head[2].append(linkTo(row, "link to this question"));
  const exchanges = units.flatMap((unit) => unit.x);
  transcript.replaceChildren(
    ...head,
    ...units.flatMap(aboutCase),
    ...(exchanges.length ? exchanges.map((one, at) => exchangeOf(one, at, exchanges.length)) : [made("p", "This page holds no prompt and no reply of this case.", "notice")]),
  );
  transcript.scrollTop = 0;
}
