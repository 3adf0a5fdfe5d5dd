"""Whatever strangers write is text on the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.reports.page.markup import Html, element, table, text
from mmlubench.reports.page.plots import SHARES, scale_around


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("</script><script>alert(1)</script>", "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
        ('" onclick="alert(1)', "&quot; onclick=&quot;alert(1)"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\u202etxet", "\ufffdtxet"),
        ("half \ud800 a pair", "half \ufffd a pair"),
        ("nul\x00", "nul\ufffd"),
    ],
)
def test_it_is_escaped_in_text_and_in_attributes(hostile, shown):
    assert text(hostile) == shown
    assert element("p", hostile) == f"<p>{shown}</p>"
    assert element("p", title=hostile) == f'<p title="{shown}"></p>'
    assert shown in table([hostile], [[hostile, hostile]], caption=hostile)
    assert hostile not in table([hostile], [[hostile, hostile]], caption=hostile)


def test_html_is_not_escaped_again():
    assert element("p", element("b", "&")) == "<p><b>&amp;</b></p>"
    assert isinstance(element("p"), Html)


@given(st.lists(st.floats(0, 1)))
def test_a_scale_has_room_for_all_its_values_and_lines_at_both_ends(values):
    scale = scale_around(values)
    assert all(scale.low <= value <= scale.high + 1e-9 for value in values)
    assert scale.high - scale.low >= 0.2 - 1e-9
    assert 0 <= scale.low < scale.high <= 1
    assert scale.ticks[0] == scale.low
    assert all(a < b for a, b in zip(scale.ticks, scale.ticks[1:], strict=False))
    assert (SHARES.at(0), SHARES.at(1), SHARES.at(2)) == ("2.00%", "98.00%", "98.00%")
