"""Keys are planted in the environment and in .env, and everything goes wrong: they must be nowhere afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmlubench.models.http.failures import Failures
from mmlubench.models.secrecy import Mask, secrets
from mmlubench.models.spec import ModelSpec
from tests.fake_server import FakeServer

#: Much of this runs pytest in processes of its own.
pytestmark = pytest.mark.long

IN_ENV = "sk-PLANTED-environment-7f3a9c0b2d"
IN_DOTENV = "PLANTED/dotenv+5b1e8d4a6c2f/9a7e3d"
UNUSED = "PLANTED_not_a_models_key_4c8d1f"
ALL = (IN_ENV, IN_DOTENV, UNUSED)
MODES = ("ok", "401", "page", "garbage", "redirect")
BENCHMARK = """
import os
import pytest
from mmlubench import Question

ROWS = [Question(f"sums/add/{n:04}", "sums", "add", "stem", f"{n} + 1 = ?", ("2", "3"), "A") for n in range(3)]

@pytest.mark.questions("sums", rows=ROWS)
async def test_sums(question, solver, model):
    if question.id.endswith("2"):
        key, layer = os.environ["PLANTED_KEY"], model
        while hasattr(layer, "_model"):
            layer = layer._model
        transport, headers, environment = layer._transport, vars(layer._transport), dict(os.environ)
        raise RuntimeError(f"my own mistake with {key}")
    answer = await solver(question)
    if question.id.endswith("1"):
        raise ValueError(answer.text)
    assert answer.letter == question.answer, answer.explanation

@pytest.fixture
def login(record_property):
    token = os.environ["PLANTED_KEY"]
    print("logging in with", token)
    record_property("token", token)
    raise ConnectionError(f"no login with {token}")

def test_of_another_kind(login):
    pass
"""
XML = ("--junitxml=junit.xml", "-o", "junit_logging=all", "-o", "junit_family=xunit1")
#: Without the pre-flight, which would find most of the faults before they are met.
LOUD = ("--showlocals", "-vv", "--tb=long", "-rA", "--no-preflight", *XML)


def entries(port: int) -> dict[str, Any]:
    """Every client and transport, with keys from both places."""
    here, nowhere = f"http://127.0.0.1:{port}", "http://127.0.0.1:9/v1"
    clients: dict[str, dict[str, str]] = {
        "raw": {"model_name": "vllm", "base_url": f"{here}/v1"},
        "sdk": {"model_name": "openai", "base_url": f"{here}/v1", "transport": "sdk"},
        "claude": {"model_name": "anthropic", "base_url": here},
    }
    found = {}
    for name, client in clients.items():
        for mode in (*MODES, "down"):
            model = {"model_name": f"{client['model_name']}/{mode}", "api_key_env": "DOTENV_KEY"}
            if mode in ("ok", "page"):
                model["api_key_env"] = "PLANTED_KEY"
            found[f"{name}-{mode}"] = {**client, **model, **({"base_url": nowhere} if mode == "down" else {})}
    return found


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANTED_KEY", IN_ENV)
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        yield


@pytest.fixture(scope="module")
def planted(environment: None, make_folder: Callable[..., Path]) -> Callable[..., Path]:
    """A folder with a `.env` and further Python files."""

    def make(**files: str) -> Path:
        folder = make_folder(**files)
        (folder / ".env").write_text(f"DOTENV_KEY={IN_DOTENV}\nANOTHER={UNUSED}\n")
        return folder

    return make


@pytest.fixture(scope="module")
def runs(
    planted: Callable[..., Path], gossip: FakeServer, start_pytest: Callable[..., Any]
) -> dict[str, Any]:
    """The same run in one process and in three, at the same time."""
    found = entries(gossip.port)
    started = {}
    for name, workers in (("plain", ()), ("n2", ("-n", "2"))):
        folder = planted(test_sums=BENCHMARK)
        (folder / "models.yaml").write_text(json.dumps({"models": found}))
        models = [argument for entry in found for argument in ("--model", entry)]
        started[name] = start_pytest(folder, "test_sums.py", *models, *LOUD, *workers)
    return {name: run.wait(timeout_s=120) for name, run in started.items()}


@pytest.mark.parametrize("name", ["plain", "n2"])
def test_no_key_is_in_anything_that_a_run_prints_or_writes(
    name: str,
    runs: dict[str, Any],
    gossip: FakeServer,
    keys_sent: Callable[[FakeServer], set[str]],
    leaks: Callable[..., list[str]],
) -> None:
    ran = runs[name]
    assert keys_sent(gossip) == {IN_ENV, IN_DOTENV}
    assert not leaks(ran, *ALL), "\n".join(leaks(ran, *ALL))
    # And it was no quiet run: replies, refusals and tracebacks with variables are all there.
    outcomes = [line["outcome"] for line in ran.lines("results")]
    assert (outcomes.count("correct"), outcomes.count("error")) == (3, 3 * 3 * 6 - 3)
    for said in ("You sent ***. ANSWER: A", "my own mistake with ***", "Incorrect API key provided: ***"):
        assert said in ran.output
    assert "key        = '***'" in ran.output
    assert "'PLANTED_KEY': '***'" in ran.output
    assert "/login?key=***; put that into base_url" in ran.output
    assert (ran.folder / "reports" / "store.sqlite").stat().st_size
    assert "no login with ***" in (ran.folder / "junit.xml").read_text()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("test_broken", "at import with ***"), ("conftest", "INTERNALERROR")],
    ids=["import", "plugin"],
)
def test_no_key_is_in_the_traceback_of_a_file_or_a_plugin_that_breaks_down(
    name: str,
    said: str,
    workers: tuple[str, ...],
    planted: Callable[..., Path],
    run_pytest: Callable[..., Any],
    leaks: Callable[..., list[str]],
) -> None:
    files = {
        "test_broken": "import os\ndef log_in():\n    key = os.environ['PLANTED_KEY']\n"
        "    raise ValueError(f'at import with {key}')\nlog_in()\n",
        "conftest": "import os\ndef pytest_collection_modifyitems(items):\n    key = os.environ['PLANTED_KEY']\n"
        "    raise ValueError(f'in a plugin with {key}')\n",
    }
    folder = planted(**{name: files[name]})
    ran = run_pytest(folder, "--model", "mock", *LOUD, "--full-trace", *workers)
    assert said in ran.output
    assert not leaks(ran, *ALL), "\n".join(leaks(ran, *ALL))


def test_a_key_in_a_password_of_an_address_is_refused_without_showing_it(
    planted: Callable[..., Path], run_pytest: Callable[..., Any], leaks: Callable[..., list[str]]
) -> None:
    ran = run_pytest(planted(), "--model", f"vllm/x@http://me:{IN_ENV}@127.0.0.1:9/v1", *LOUD)
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    assert not leaks(ran, IN_ENV)


def test_what_is_hidden_are_keys_and_whatever_is_named_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("URL=http://intern.example\nEMPTY=\n")
    env = {
        "GITHUB_TOKEN": "token-of-mine",
        "MY_API_KEY": " key-of-mine\n",
        "HOME": "/home/me",
        "KEYBOARD": "querty12",
    }
    assert {"token-of-mine", "key-of-mine", "http://intern.example"} <= secrets(env)
    assert not {"/home/me", "querty12"} & secrets(env)
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")
    assert "token-of-mine" in secrets(env)


def test_short_stand_ins_for_keys_are_no_secrets() -> None:
    # vLLM and LM Studio take any key; `EMPTY` must not cut holes into answers.
    assert Mask(["EMPTY", "A"]).text("A box is EMPTY") == "A box is EMPTY"
    assert Mask(["secret-0", "secret-0-and-more"]).text("secret-0-and-more") == "***"


def test_a_failure_that_is_printed_does_not_show_its_key() -> None:
    spec = ModelSpec(label="m", client="openai", model_id="m")
    assert IN_ENV not in repr(Failures(spec, IN_ENV))
