// Full-text search: ids at once, then questions and replies, chunk by chunk, so that the page stays usable.

let searchNumber = 0; // a new search ends the one before

function chunksWith(rows) {
  const byChunk = new Map();
  for (const row of rows) {
    const text = index.columns.text[row];
    if (text < 0) continue;
    const number = chunkOf(text);
    if (!byChunk.has(number)) byChunk.set(number, []);
    byChunk.get(number).push(row);
  }
  return byChunk;
}

// Go through the texts of rows; `each` is called with a row and its texts, `told` with the share that is done.
async function throughTexts(rows, each, told, goesOn) {
  const byChunk = chunksWith(rows);
  let done = 0;
  if (byChunk.size > 1) told(0);
  let paused = performance.now();
  for (const within of byChunk.values()) {
    for (const row of within) each(row, await textsOf(row));
    done += 1;
    if (performance.now() - paused > 40) {
      told(done / byChunk.size);
      await new Promise((resolve) => { setTimeout(resolve, 0); });
      paused = performance.now();
      if (!goesOn()) return false;
    }
  }
  return goesOn();
}

async function search(rows, words, show, told) {
  searchNumber += 1;
  const number = searchNumber;
  if (!words) {
    show(rows);
    told("");
    return;
  }
  const sought = words.toLowerCase();
  const hits = new Set(rows.filter((row) => idOf(row).toLowerCase().includes(sought)));
  const inOrder = () => rows.filter((row) => hits.has(row));
  show(inOrder());
  let before = hits.size;
  const finished = await throughTexts(
    rows.filter((row) => !hits.has(row)),
    (row, units) => { if (ownTextOf(units).toLowerCase().includes(sought)) hits.add(row); },
    (share) => {
      told(`searching the texts: ${Math.round(100 * share)} %`);
      if (hits.size !== before) show(inOrder());
      before = hits.size;
    },
    () => number === searchNumber,
  );
  if (!finished) return;
  show(inOrder());
  told("");
}
