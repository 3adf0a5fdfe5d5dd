"""List prices: whose they are, how old they are, and that nobody is charged by guess."""

import datetime

import pytest
import yaml

from mmlubench.models.names.files import find
from mmlubench.models.names.from_entry import from_entry, from_name
from mmlubench.models.names.prices import batch_price, price_note, price_of
from mmlubench.models.spec import Price
from mmlubench.resources import fixture

FILE = yaml.safe_load(fixture("prices.yaml").read_text("utf-8"))
LISTED = [
    (client, model, said) for client, models in FILE["prices"].items() for model, said in models.items()
]


@pytest.fixture
def entry(tmp_path):
    """The spec of an entry with these keys."""

    def build(**keys):
        file = tmp_path / "models.yaml"
        file.write_text(yaml.safe_dump({"mine": keys}), "utf-8")
        return from_entry(find("mine", str(file)))

    return build


@pytest.mark.parametrize(("client", "model", "said"), LISTED, ids=[model for _, model, _ in LISTED])
def test_every_line_of_the_file_is_a_dated_price_that_makes_sense(client, model, said):
    # A comma in the wrong place would show a run as ten times cheaper than it is.
    listed = price_of(client, model)
    price = listed.price
    assert datetime.date(2025, 1, 1) < said["as_of"] <= FILE["updated"]
    assert listed.as_of == said["as_of"].isoformat()
    assert 0.01 <= price.input_per_mtok < price.output_per_mtok <= 100
    assert 2 <= price.output_per_mtok / price.input_per_mtok <= 8
    if price.cached_input_per_mtok is not None:
        assert price.input_per_mtok / 50 <= price.cached_input_per_mtok <= price.input_per_mtok / 2
    if price.cache_write_per_mtok is not None:
        assert price.cache_write_per_mtok / price.input_per_mtok == pytest.approx(1.25, abs=0.06)


def test_the_file_says_when_and_from_where():
    assert isinstance(FILE["updated"], datetime.date)
    assert "list prices" in FILE["source"]


def test_what_anthropic_writes_to_its_cache_always_has_a_price_of_its_own():
    assert all("cache_write_per_mtok" in said for client, _, said in LISTED if client == "anthropic")


@pytest.mark.parametrize(
    ("client", "model", "same_as"),
    [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("anthropic", "claude-opus-4-20250514", "claude-opus-4"),
    ],
)
def test_a_dated_model_costs_what_its_name_without_the_date_costs(client, model, same_as):
    assert price_of(client, model) == price_of(client, same_as)


def test_a_dated_model_with_a_line_of_its_own_is_not_taken_for_its_successor():
    assert price_of("openai", "gpt-4o-2024-05-13").price == Price(5.0, 15.0)


@pytest.mark.parametrize(
    ("client", "model"),
    [
        ("openai", "gpt-4o-audio"),
        ("openai", "gpt-9"),
        ("openai", "gpt-4o-latest"),
        ("openai", "ft:gpt-4o-mini:me::abc"),
        ("anthropic", "claude-opus-9"),
        ("openai", "claude-opus-5"),
        ("openrouter", "openai/gpt-4o"),
        ("vllm", "gpt-4o"),
        ("openai", ""),
    ],
)
def test_a_model_that_is_not_listed_has_no_price_however_much_it_looks_like_one_that_is(client, model):
    assert price_of(client, model) is None


def test_a_model_named_on_the_command_line_has_its_list_price_and_the_date():
    spec = from_name("anthropic/claude-sonnet-4-5")
    assert (spec.price, spec.price_as_of) == (Price(3.0, 15.0, 0.3, 3.75), "2026-10-10")
    assert price_note(spec) == "list price of 2026-10-10"


def test_the_users_own_price_goes_before_the_list(entry):
    own = {"input_per_mtok": 1, "output_per_mtok": 2}
    spec = entry(model_name="openai/gpt-4o", price=own)
    assert (spec.price, spec.price_as_of) == (Price(1.0, 2.0), "")
    assert price_note(spec) == "price of models.yaml"


@pytest.mark.parametrize(
    "keys",
    [
        {"model_name": "openai/gpt-4o", "base_url": "http://localhost:8000/v1"},
        {"model_name": "anthropic/claude-opus-5", "base_url": "http://gateway"},
        {"model_name": "vllm/gpt-4o"},
        {"model_name": "openai/gpt-4o", "extra_body": {"service_tier": "priority"}},
        {"model_name": "anthropic/claude-opus-5", "extra_body": {"speed": "fast"}},
    ],
    ids=["own-server", "gateway", "vllm", "other-tier", "fast"],
)
def test_what_is_not_bought_at_the_list_price_is_not_charged_at_it(keys, entry):
    spec = entry(**keys)
    assert (spec.price, spec.price_as_of) == (None, "")
    assert price_note(spec).startswith(f"no price is known for {spec.model_id}: ")
    assert price_note(spec).endswith("; give one in models.yaml under price")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"model_name": "openai/gpt-99"}, "it is not on the price list of openai that this version has"),
        (
            {"model_name": "vllm/x", "base_url": "http://h:8000/v1"},
            "http://h:8000/v1 is no server with a price list",
        ),
        (
            {"model_name": "openai/gpt-4o", "extra_body": {"service_tier": "priority"}},
            "with service_tier in extra_body the list price is not what you pay",
        ),
    ],
)
def test_a_price_that_is_not_known_says_why(entry, keys, why):
    assert f": {why}; give one" in price_note(entry(**keys))


def test_an_extra_of_null_takes_nothing_off_the_list(entry):
    assert entry(model_name="openai/gpt-4o", extra_body={"service_tier": None}).price is not None


def test_openrouter_is_said_to_tell_the_price_itself_but_only_openrouter():
    assert price_note(from_name("openrouter/org/model")).startswith(
        "not known in advance: openrouter reports"
    )
    assert not from_name("openrouter/org/model@http://localhost:4000/v1").tells_cost


def test_a_mock_costs_nothing():
    assert price_note(from_name("mock/hash")) == "nothing, it is a mock"


def test_the_packaged_models_of_the_two_vendors_have_prices():
    # A newcomer's first --estimate should show dollars.
    names = ("claude", "claude-haiku", "gpt", "gpt-mini")
    assert [name for name in names if from_entry(find(name, None)).price is None] == []


def test_a_mock_is_resolved_without_reading_the_price_list(monkeypatch):
    # Every start of pytest would pay for it.
    monkeypatch.setattr("mmlubench.models.names.from_entry.price_of", lambda *_: pytest.fail("read"))
    assert from_name("mock/hash").price is None


def test_the_flex_tier_and_batches_are_charged_at_their_rates(entry):
    flex = entry(model_name="openai/gpt-4o", extra_body={"service_tier": "flex"})
    usual = entry(model_name="openai/gpt-4o")
    assert flex.price == usual.price.times(0.5) == batch_price(usual).price
    assert price_note(flex).endswith("x 0.5 as flex (not verified)")
    assert price_note(batch_price(usual)).endswith("x 0.5 in a batch")
    assert usual.identity() == batch_price(usual).identity()  # a reply is the same one, whatever it cost
    elsewhere = entry(model_name="openai/gpt-4o", base_url="http://gateway")
    assert batch_price(elsewhere) == elsewhere
