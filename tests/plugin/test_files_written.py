"""What a run leaves behind: others read these files, so their keys and their content are a promise."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

REPLIES = (
    {"completion": "Answer: A", "usage": {"input_tokens": 11, "output_tokens": 2}},
    {"completion": "Answer: B", "usage": {"input_tokens": 11, "output_tokens": 2}, "metadata": {"seed": 1}},
    "hard to say",
)


@pytest.fixture
def run(folder):
    """Three questions to a mock: right, wrong, unclear."""
    folder.own_benchmark(count=3)
    folder.run("--model", folder.scripted(*REPLIES), "-k", "capitals")
    return folder


def test_a_run_folder_holds_these_files_and_no_others(run):
    assert {path.name for path in run.run_folder().iterdir()} >= {
        "manifest.json",
        "requests.jsonl",
        "responses.jsonl",
        "results.jsonl",
        "summary.json",
    }
    assert not [path for path in run.run_folder().rglob("*") if path.name.endswith((".tmp", ".part"))]


def test_results_have_a_line_a_case(run):
    first, second, third = run.lines("results")
    assert first.keys() >= {
        *("id", "benchmark", "subject", "category", "model", "outcome", "answer", "prediction", "rule"),
        *("latency_s", "usage"),
    }
    assert (first["id"], first["benchmark"], first["subject"], first["category"]) == (
        *("capitals/europe/0000", "capitals", "europe", "geography"),
    )
    assert (first["model"], first["answer"], first["prediction"]) == ("mock-script", "A", "A")
    assert (second["prediction"], third["prediction"]) == ("B", None)
    assert (first["usage"]["input_tokens"], first["usage"]["output_tokens"]) == (11, 2)
    assert first["latency_s"] >= 0


def test_requests_have_a_line_for_each_that_was_sent(run):
    lines = run.lines("requests")
    assert [line["id"] for line in lines] == [f"capitals/europe/{n:04d}" for n in range(3)]
    assert [line["attempt"] for line in lines] == [1, 1, 1]
    first = lines[0]
    assert first["model"] == "mock-script"
    assert first["messages"][0]["role"] == "user"
    assert "Which is no. 0?" in first["messages"][0]["content"]
    assert first["parameters_asked"] == first["parameters_sent"] == {"temperature": 0.0, "max_tokens": 1024}


def test_responses_have_a_line_for_each_reply(run):
    lines = run.lines("responses")
    assert [line["id"] for line in lines] == [f"capitals/europe/{n:04d}" for n in range(3)]
    first, second, _ = lines
    assert first.keys() >= {"id", "completion", "finish_reason", "usage", "latency_s", "served_model"}
    assert (first["completion"], first["finish_reason"], first["served_model"]) == (
        "Answer: A",
        "stop",
        "script",
    )
    assert first["usage"]["input_tokens"] == 11
    assert second["metadata"] == {"seed": 1}


def test_the_responses_of_a_run_can_be_replayed_by_a_mock(run):
    # The two files have one format on purpose: a paid run becomes an offline one.
    kept = run.run_folder() / "responses.jsonl"
    outcomes = run.outcomes()
    run.models(**{"mock-replay": {"model_name": "mock/replay", "responses": str(kept)}})
    run.run("--model", "mock-replay", "-k", "capitals")
    assert run.outcomes() == outcomes == ["correct", "wrong", "unparsed"]


def test_a_failed_request_leaves_a_line_in_both_logs(folder, start_server):
    server = start_server("--latency-ms", "0", "--error-rate", "1", "--error-codes", "403")
    folder.run_apart("--model", server.model, "--data", "sample", "--limit", "1")
    (request,), (response,), (result,) = (folder.lines(name) for name in ("requests", "responses", "results"))
    assert request["messages"]
    assert response["status"] == 403
    assert "an error as ordered" in response["error"]
    assert "an error as ordered" in result["error"]


def test_the_summary_has_an_entry_with_all_its_keys(run):
    entry = run.entry()
    assert entry.keys() >= {
        *(
            "benchmark",
            "model",
            "recipe",
            "n",
            "outcomes",
            "accuracy",
            "accuracy_macro",
            "ci95",
            "categories",
        ),
        *("subjects", "usage", "cost_usd", "duration_s"),
    }
    assert (entry["benchmark"], entry["model"], entry["recipe"], entry["n"]) == (
        *("capitals", "mock-script", "zero_shot", 3),
    )
    assert entry["accuracy"] == entry["accuracy_macro"] == pytest.approx(1 / 3)
    low, high = entry["ci95"]
    assert 0 < low < 1 / 3 < high < 1
    assert entry["categories"]["geography"]["n"] == entry["subjects"]["europe"]["n"] == 3
    assert sum(entry["outcomes"].values()) == 3


def test_the_manifest_tells_what_one_must_know_to_repeat_the_run(run):
    manifest = run.json("manifest")
    assert manifest["run_id"] == run.run_folder().name
    assert manifest["settings"]["model"] == ["mock-script"]
    assert manifest["recipe"]["name"] == "zero_shot"
    assert len(manifest["recipe"]["sha256"]) == 64
    data = manifest["data"]["capitals"]
    assert (data["questions"], len(data["sha256"])) == (3, 64)
    assert manifest["packages"].keys() >= {"mmlubench", "pytest"}
    assert manifest["command"][0] == "pytest"
    assert "-k" in manifest["command"]
    assert "git_commit" in manifest


def test_the_classic_file_has_exactly_the_keys_that_older_scripts_read_and_lies_beside_the_run(folder):
    folder.run("--model", "mock/A", "--limit", "5", "--adapter", "my-lora")
    latest = json.loads((folder.path / "reports" / "mmlu_mock-A-my-lora_latest.json").read_text())
    keys = ["model_id", "adapter_name", "timestamp", "limit", "overall_score", "metrics", "subjects"]
    assert list(latest)[:7] == keys
    assert (latest["model_id"], latest["adapter_name"], latest["limit"]) == ("mock-A", "my-lora", 5)
    score = folder.entry()["accuracy"]
    assert latest["overall_score"] == score
    assert latest["metrics"] == {"accuracy": {"value": score, "name": "accuracy"}}
    subjects = folder.entry()["subjects"]
    assert latest["subjects"] == {name: about["accuracy"] for name, about in subjects.items()}
    at = datetime.fromisoformat(latest["timestamp"])
    assert latest["timestamp"] == folder.json("manifest")["created"]
    stamp = f"{at:%Y%m%d-%H%M%S}"
    (stamped,) = (folder.path / "reports").glob(f"mmlu_mock-A-my-lora_{stamp[:11]}*.json")
    assert json.loads(stamped.read_text()) == latest


def test_the_latest_file_stays_that_of_the_whole_benchmark(folder):
    folder.own_benchmark(count=8)
    latest = folder.path / "reports" / "capitals_mock-A_latest.json"

    def run_id(*options):
        folder.run("test_capitals.py", "--model", "mock/A", *options)
        return json.loads(latest.read_text())["run_id"] == folder.json("manifest")["run_id"]

    assert run_id("--limit", "4")
    assert json.loads(latest.read_text())["limit"] == 4
    assert run_id()
    assert json.loads(latest.read_text())["limit"] is None
    assert not run_id("--limit", "4")  # a part
    assert not run_id("-k", "0001")  # a part as well
    assert run_id("--limit", "100")  # more than there are: the whole
    assert json.loads(latest.read_text())["limit"] is None


def test_a_whole_sample_is_no_part_but_not_the_complete_benchmark_either(folder):
    result = folder.run("--model", "mock")
    latest = folder.path / "reports" / "mmlu_mock_latest.json"
    first = json.loads(latest.read_text())
    assert (first["limit"], first["complete"], first["n"]) == (None, False, 120)
    assert "is left as it is" not in result.stdout.str()
    result = folder.run("--model", "mock", "--limit", "10")
    assert json.loads(latest.read_text()) == first
    result.stdout.fnmatch_lines(
        [
            "mmlu_mock_latest.json is left as it is: it has the score of a run that asked more or has a headline*"
        ]
    )


def test_a_latest_file_of_another_program_is_not_replaced(folder):
    folder.write("reports/mmlu_mock_latest.json", "notes of mine")
    result = folder.run("--model", "mock", "--limit", "5")
    assert (folder.path / "reports" / "mmlu_mock_latest.json").read_text() == "notes of mine"
    result.stdout.fnmatch_lines(["mmlu_mock_latest.json is left as it is: *or is a file of another program."])


def test_a_run_of_the_failed_cases_is_not_the_latest(folder):
    folder.run("--model", "mock", "--limit", "40")
    latest = folder.path / "reports" / "mmlu_mock_latest.json"
    first = json.loads(latest.read_text())
    assert (first["limit"], first["part"]) == (40, False)
    assert folder.run("--model", "mock", "--limit", "40", "--lf").ret == 1
    assert json.loads(latest.read_text()) == first


def test_a_run_in_which_no_case_ran_leaves_no_folder(folder):
    folder.run("--model", "mock/A", "-k", "nothing_like_this")
    assert not list(folder.path.glob("reports/*"))


def test_cost_is_known_where_prices_are(folder, start_server):
    server = start_server("--latency-ms", "0")
    address = f"http://127.0.0.1:{server.port}/v1"
    price = {"input_per_mtok": 1.0, "output_per_mtok": 2.0}
    folder.models(priced={"model_name": "vllm/fake", "base_url": address, "price": price})
    folder.run_apart("--model", "priced", "--data", "sample", "--limit", "2")
    entry = folder.entry()
    expected = (entry["usage"]["input_tokens"] + 2 * entry["usage"]["output_tokens"]) / 1e6
    assert entry["cost_usd"] == pytest.approx(expected)
    assert entry["cost_usd"] > 0


# -- JUnit XML ----------------------------------------------------------------------------------------------------


def test_junit_xml_has_a_test_case_a_case_and_nothing_of_ours_in_them(folder):
    folder.own_benchmark(count=4, before='if question.id.endswith("3"):\n    pytest.skip("not this one")')
    cases = folder.junit("--model", folder.scripted("A", "B", None), "-k", "capitals")
    kinds = {name[-5:-1]: [child.tag for child in case] for name, case in cases.items()}
    assert kinds == {"0000": [], "0001": ["failure"], "0002": ["failure"], "0003": ["skipped"]}
    wrong = cases["test_capitals[mock-script-europe-0001]"].find("failure")
    assert wrong.get("message") == wrong.text == "answered B (rule: bare), right is A"
    assert "no reply for" in cases["test_capitals[mock-script-europe-0002]"].find("failure").get("message")
    text = (folder.path / "junit.xml").read_text()
    assert "propert" not in text.partition("</properties>")[2]
    assert "Traceback" not in text


def test_junit_xml_counts_as_pytest_does(folder):
    folder.junit("--limit", "30")
    head = (folder.path / "junit.xml").read_text()[:400]
    wrong = sum(outcome != "correct" for outcome in folder.outcomes())
    assert f'errors="0" failures="{wrong}" skipped="0" tests="30"' in head


def test_replies_that_no_xml_may_hold_leave_it_valid(folder):
    folder.own_benchmark(count=1)
    cases = folder.junit(
        "--model", folder.scripted("odd \x00\x1b[31m \ud7ff <&> ]]> reply"), "-k", "capitals"
    )
    assert "odd" in cases["test_capitals[mock-script-europe-0000]"].find("failure").get("message")
