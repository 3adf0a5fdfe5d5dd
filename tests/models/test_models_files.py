"""models.yaml: where it is found, the shapes it may have, and one sentence for everything that is wrong with it."""

import pytest

from mmlubench.errors import ModelError
from mmlubench.models.names.files import entries, find, search_path

PLAIN = "a: {model_name: mock/A}\nb: {model_name: mock/B}\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(file):
    return [found.name for found in entries(str(file)) if found.file == file]


@pytest.fixture
def written(here):
    def write(text, name="m.yaml"):
        file = here / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    return write


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "models:\n  a: {model_name: mock/A}\n  b: {model_name: mock/B}\n",
        "- {name: a, model_name: mock/A}\n- {name: b, model_name: mock/B}\n",
        "models:\n- {name: a, model_name: mock/A}\n- {name: b, model_name: mock/B}\n",
        "- {model_name: a}\n- {model_name: b}\n",
    ],
    ids=["mapping", "models-mapping", "list", "models-list", "list-by-model-name"],
)
def test_every_shape_of_file_is_read(text, written):
    assert names(written(text)) == ["a", "b"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "models:\n"])
def test_a_file_with_nothing_in_it_has_no_entries(text, written):
    assert names(written(text)) == []


def test_own_files_go_before_the_packaged_one(written):
    written("mock: {model_name: mock/A}\n", "config/models.yaml")
    assert str(find("mock", None).file) == "config/models.yaml"
    written("mock: {model_name: mock/B}\n", "models.yaml")
    assert str(find("mock", None).file) == "models.yaml"


def test_a_file_that_is_named_replaces_own_files_but_the_mock_stays(written):
    written("hidden: {model_name: mock/A}\n", "models.yaml")
    file = str(written(PLAIN))
    assert find("hidden", file) is None
    assert find("mock", file).file == search_path(None)[-1]


def test_a_broken_file_further_down_the_path_does_not_matter_for_a_model_found_before(written):
    written("a: {model_name: mock/A}\n", "models.yaml")
    written("a: [", "config/models.yaml")
    assert find("a", None).raw == {"model_name": "mock/A"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "a: {model_name: mock/A\nb: 1\n",
            r"m\.yaml, line 2: not valid YAML \(.+\); check indentation and quotes\.",
        ),
        ("a: !!python/object/apply:os.system ['true']\n", r"m\.yaml, line 1: not valid YAML"),
        (
            "models: {}\nversion: 1\n",
            r"m\.yaml: unknown key 'version' next to `models`; put every entry under",
        ),
        (
            "just a sentence",
            r"m\.yaml: expected entries by name, or a list of entries, and found 'just a sentence'",
        ),
        ("- {provider: mock}\n", r"m\.yaml, entry 1: an entry of a list needs `name` or `model_name`\."),
        ("- text\n", r"m\.yaml, entry 1: an entry of a list needs"),
        (
            "- {name: a, model_name: mock/A}\n- {name: a, model_name: mock/B}\n",
            r"entry 2: there are two entries 'a'",
        ),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_name(text, sentence, written):
    with pytest.raises(ModelError, match=sentence):
        names(written(text))


def test_a_file_in_another_encoding_is_said_so(here):
    (here / "models.yaml").write_bytes("a: {model_name: é}".encode("latin-1"))
    with pytest.raises(ModelError, match=r"models\.yaml: not UTF-8 text; save it as UTF-8\."):
        find("a", None)


def test_a_models_file_that_is_not_there_is_said_so():
    with pytest.raises(ModelError, match=r"^--models-file nowhere\.yaml: there is no such file\.$"):
        search_path("nowhere.yaml")
