"""`report.html` in the run folder, and --report-page."""

from contextlib import suppress

import pytest

from tests.page.parsed import Page

REPLIES = ("Answer: A", "Answer: B", "hard to say")


def page(folder, *arguments):
    """Run three questions, right, wrong and unclear; return the page of the run, None without one."""
    folder.own_benchmark(count=3)
    folder.run("--model", folder.scripted(*REPLIES), "-k", "capitals", *arguments)
    file = folder.run_folder() / "report.html"
    return Page(file.read_text()) if file.exists() else None


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "workers"])
def test_a_run_has_a_page_with_its_figures_and_transcripts(folder, workers):
    made = page(folder, *workers)
    counts = made.tables["Cases by outcome"]
    assert counts[1][2:] == ["1 (33.3 %)", "1 (33.3 %)", "1 (33.3 %)"]
    texts = [made.text_of(row)[0]["x"][0] for row in range(3)]
    assert sorted(text["completion"] for text in texts) == sorted(REPLIES)
    for row, text in enumerate(texts):
        assert f"Which is no. {row}?" in text["messages"][-1][1]
    assert any("MOCK: the answers are canned" in line for line in made.paragraphs)


def test_compressed_logs_are_on_the_page(folder):
    made = page(folder, "--log-compression", "zstd")
    assert [made.text_of(row)[0]["x"][0]["completion"] for row in range(3)] == list(REPLIES)


def test_whose_texts_are_on_it(folder):
    made = page(folder, "--report-page", "wrong")
    assert [number < 0 for number in made.index["columns"]["text"]] == [True, False, False]


def test_no_page_if_nobody_wants_one(folder):
    assert page(folder, "--report-page", "none") is None
    assert (folder.run_folder() / "summary.json").exists()


def test_the_other_files_are_there_though_the_page_failed(folder, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("no page today")

    monkeypatch.setattr("mmlubench.reports.page.report.page", broken)
    assert page(folder) is None
    assert (folder.run_folder() / "summary.json").exists()
    assert list(folder.path.glob("reports/capitals_*_latest.json"))


def test_the_summary_is_there_though_somebody_stopped_the_page(folder, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("mmlubench.reports.page.report.page", stopped)
    with suppress(KeyboardInterrupt):
        page(folder)
    assert (folder.run_folder() / "summary.json").exists()
