"""Texts come out of the page as they went in."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st

from mmlubench.reports.logs import Exchange
from mmlubench.reports.page.texts import Packer, common_beginning
from mmlubench.schema import Entry, Outcome, Usage
from tests.page.parsed import Page

ENTRY = Entry("q", "b", "s", "c", "m", Outcome.WRONG, "A", "B", "line", 0.1, Usage())
#: Texts that share long beginnings, among them signs that are two units in UTF-16.
SHARED = "Ω𝔸 worked examples 🙂 of this subject, " * 2
TEXTS = st.lists(st.one_of(st.text(), st.text().map(SHARED.__add__)), min_size=1, max_size=8)


def unpacked(packer: Packer) -> list[str]:
    packer.flush()
    scripts = "".join(
        f'<script type="text/plain" id="data-chunk-{at}">{chunk}</script>'
        for at, chunk in enumerate(packer.chunks)
    )
    page = Page(f'<script type="text/plain" id="data-index">{packed_nothing()}</script>{scripts}')
    return [message[1] for unit in page.texts for one in unit["x"] for message in one["messages"]]


def packed_nothing() -> str:
    from mmlubench.reports.page.texts import packed

    return packed(b"{}")


@given(TEXTS)
def test_prompts_are_whole_again(texts):
    packer = Packer()
    for text in texts:
        request = {"model": "m", "messages": [{"role": "user", "content": text}]}
        packer.add(ENTRY, [Exchange(request, None)])
    # Half a surrogate pair has no form in UTF-8, and becomes a question mark.
    assert unpacked(packer) == [text.encode("utf-8", "replace").decode() for text in texts]


@given(st.text(), st.text(), st.text())
def test_the_common_beginning_is_the_longest(start, first, second):
    count = common_beginning(start + first, start + second)
    assert count >= len(start)
    one, other = start + first, start + second
    assert one[:count] == other[:count]
    assert one[count : count + 1] != other[count : count + 1] or count == min(len(one), len(other))


def test_worked_examples_are_stored_once_a_chunk():
    packer, examples = Packer(), "an example of five " * 2_000
    for number in range(100):
        request = {"model": "m", "messages": [{"role": "user", "content": f"{examples}{number}"}]}
        packer.add(ENTRY, [Exchange(request, None)])
    packer.flush()
    stored = zlib.decompress(b64decode(packer.chunks[0]))
    assert len(packer.chunks) == 1
    assert len(stored) < 3 * len(examples)
    assert json.loads(stored)[1]["x"][0]["messages"][0][1] == [len(examples), "1"]
