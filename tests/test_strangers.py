"""Parts of another project, one of each kind, used by name: from an installed package, and from a conftest."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmlubench.solvers import SOLVERS
from tests.conftest import INI, Ran
from tests.fake_server import FakeServer, Reply

STRANGERS = Path(__file__).parent / "strangers"
BENCHMARK = """
import pytest

@pytest.mark.questions("acme_sums")
async def test_sums(question, solver):
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation
"""
CONFTEST = """
import mmlubench
from acme_bench import data, extraction, metric, provider, recipe, report, solver

mmlubench.register("dataset", "acme_sums", data.SUMS)
mmlubench.register("provider", "acme", provider.AcmeModel)
mmlubench.register("solver", "acme_check", solver.CHECK)
mmlubench.register("solver", "acme_plain", solver.Plain)
mmlubench.register("extraction", "acme_last", extraction.read_last)
mmlubench.register("recipe", "acme_terse", recipe.TERSE)
mmlubench.register("metric", "acme_letters", metric.LETTERS)
mmlubench.register("report", "acme_csv", report.CSV)
"""


@pytest.fixture
def acme() -> Iterator[FakeServer]:
    """A server of acme's protocol: says B to everything, in words that no rule of ours reads a letter from."""
    with FakeServer(always=Reply(body={"said": "I would go with b"})) as server:
        yield server


@pytest.fixture(params=["installed", "conftest"])
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's project with a benchmark of the stranger's questions; `site` is where the stranger's package is."""
    site = tmp_path / "site"
    site.mkdir()
    shutil.copytree(STRANGERS / "acme_bench", site / "acme_bench")
    folder = tmp_path / "project"
    (folder / "bench").mkdir(parents=True)
    (folder / "pytest.ini").write_text(f"[pytest]\n{INI}\n")
    (folder / "bench" / "test_sums.py").write_text(BENCHMARK)
    if request.param == "installed":
        shutil.copytree(STRANGERS / "acme_bench-1.0.dist-info", site / "acme_bench-1.0.dist-info")
    else:
        (folder / "bench" / "conftest.py").write_text(CONFTEST)
    monkeypatch.setenv("PYTHONPATH", str(site))
    return folder


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
def test_a_stranger_of_every_kind_is_used_by_its_name(
    project: Path, acme: FakeServer, run_pytest: Callable[..., Ran], workers: tuple[str, ...]
) -> None:
    model = f"acme/fast@http://127.0.0.1:{acme.port}"
    ran = run_pytest(
        project,
        *("bench", "-k", "acme_sums", "--model", model, "--solver", "acme_check"),
        *("--extraction", "acme_last", "--recipe", "acme_terse", *workers),
    )
    results = ran.lines("results")
    assert [(line["id"], line["prediction"], line["rule"]) for line in results] == [
        (f"acme_sums/sums/{number}", "B", "acme_last") for number in (1, 2, 3, 4)
    ], ran.output
    assert ran.outcomes()["acme_sums/sums/2"] == "correct"
    assert ran.entry["recipe"] == "acme_check, acme_terse, read by acme_last"
    assert ran.entry["requests"] == 8
    assert {request.path for request in acme.requests} == {"/ask"}
    assert sorted(request.body["say"] for request in acme.requests)[:2] == [
        "1 + 1 = ? A=2 B=3 C=4 D=5",
        "1 + 1 = ? A=2 B=3 C=4 D=5\nI would go with b\nIs that right?",
    ]
    assert ran.entry["acme_letters"] == 1
    assert "1 letter said" in ran.output
    assert "4 cases went to acme.csv" in ran.output
    (run,) = ran.run_folders
    assert (run / "acme.csv").read_text().splitlines()[1] == "acme_sums/sums/2,correct"


def test_what_a_solver_says_of_itself_is_heeded(project: Path, run_pytest: Callable[..., Ran]) -> None:
    asked = ("bench", "-k", "acme_sums", "--model", "mock/hash")
    estimate = run_pytest(project, *asked, "--solver", "acme_check", "--estimate")
    assert "8 requests" in estimate.output
    refused = run_pytest(project, *asked, "--solver", "acme_plain", "--recipe", "acme_terse")
    assert refused.status == 4
    assert "--recipe has no meaning with --solver acme_plain: leave it out, or take" in refused.output


def test_the_help_names_strangers_too(project: Path, run_pytest: Callable[..., Ran]) -> None:
    words = " ".join(run_pytest(project, "bench", "--help").output.split())
    for known in (*(*SOLVERS.ours, "acme_check", "acme_plain"), "acme_last", "acme_terse"):
        assert re.search(rf"; known: [\w, ]*\b{known}\b", words), known


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--prompt", "raw.yaml"), "acme-fast (acme) takes only chats"),
        (("--scoring", "logprob"), "acme-fast (acme) gives no log-probabilities"),
    ],
)
def test_a_provider_that_says_nothing_of_itself_is_asked_nothing_but_chats(
    project: Path, acme: FakeServer, run_pytest: Callable[..., Ran], option: tuple[str, str], said: str
) -> None:
    # Its `body` has the messages alone: of a raw prompt its server would see nothing, and its answer would be graded.
    raw = "{name: bare, description: raw, raw: true, template: '{{ question }}'}"
    (project / "raw.yaml").write_text(raw)
    model = f"acme/fast@http://127.0.0.1:{acme.port}"
    refused = run_pytest(project, "bench", "-k", "acme_sums", "--model", model, *option)
    assert refused.status == 4
    assert said in " ".join(refused.output.split())
    assert acme.requests == []


def test_a_name_that_nobody_has_is_answered_with_the_strangers_too(
    project: Path, run_pytest: Callable[..., Ran]
) -> None:
    refused = run_pytest(project, "bench", "--solver", "acme_chek")
    assert refused.status == 4
    assert (
        f"There is no solver 'acme_chek'; known: {', '.join(SOLVERS.ours)}, "
        "acme_check, acme_plain. Did you mean 'acme_check'?"
    ) in refused.output


def test_a_solver_that_is_none_is_told_before_anything_is_asked(
    project: Path, run_pytest: Callable[..., Ran]
) -> None:
    conftest = project / "bench" / "conftest.py"
    before = conftest.read_text() if conftest.exists() else "import mmlubench\n"
    conftest.write_text(before + "mmlubench.register('solver', 'nothing', lambda context: None)\n")
    ran = run_pytest(project, "bench", "-k", "acme_sums", "--model", "mock/hash", "--solver", "nothing")
    assert "--solver nothing: what it is made by returned None; return a mmlubench.Solver" in ran.output
    assert "accuracy 0" not in ran.output
