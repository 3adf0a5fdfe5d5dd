# Every target needs nothing but python3 and make; the first one makes .venv and installs the package there.
.DEFAULT_GOAL := help
.PHONY: help setup smoke test test-oldest test-plugins check fix bench mmlu-quick mmlu-benchmark mmlu-openrouter list-models clean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
# The lower bounds of pyproject.toml. All but these three is taken from .venv.
OLDEST         := .venv-oldest
OLDEST_PYTESTS := pytest==9.0.0 pytest-xdist==3.8.0 pytest-asyncio==1.3.0
OTHERS         := .venv-plugins

MMLU_LIMIT   ?= 100
MIN_ACCURACY ?= 0
TEST_MARK    ?= not real_model and not real_server and not long
ARGS         ?=

# The models to ask: UTILITY_MODELS (several), else MODEL_ID (one), else the default given in the call.
models = $(foreach model,$(or $(UTILITY_MODELS),$(MODEL_ID),$(1)),--model $(model))
# With a gate, even an accuracy of 0, the exit status says whether the run worked, not whether each answer was right.
mmlu = $(BIN)/python -m pytest benchmarks -k mmlu $(call models,$(1)) --min-accuracy $(MIN_ACCURACY) $(ARGS)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  %-16s %s\n", $$1, $$2}'
	@echo 'Variables: MODEL_ID=name, UTILITY_MODELS="name name", MMLU_LIMIT=100, MIN_ACCURACY=0.65, ARGS="more pytest options"'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,keyring]'
	@touch $@

setup: $(READY) ## make .venv and install the package with its development tools

smoke: $(READY) ## offline, in seconds: the embedded sample, answered by the mock model
	$(BIN)/python -m pytest benchmarks -k mmlu --model mock --min-accuracy 0.7

test: $(READY) ## the whole test suite, but for the tests that start a real model or server or take long
	$(BIN)/python -m pytest -q -n 2 -m '$(TEST_MARK)' $(ARGS)

$(OLDEST)/.installed: $(READY) Makefile
	$(PYTHON) -m venv --clear --without-pip $(OLDEST)
	$(BIN)/pip --python $(OLDEST)/bin/python install -q --disable-pip-version-check --no-deps $(OLDEST_PYTESTS)
	path='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  echo "import site; site.addsitedir('$$($(BIN)/python -c "$$path")')" \
	  > "$$($(OLDEST)/bin/python -c "$$path")/rest.pth"
	@touch $@

test-oldest: $(OLDEST)/.installed ## the plugin's tests with the oldest pytest, pytest-xdist and pytest-asyncio
	$(OLDEST)/bin/python -m pytest -q -n 2 -m '$(TEST_MARK)' tests/plugin $(ARGS)

# Besides what is in .venv: an environment of its own, so that these plugins disturb no other test.
$(OTHERS)/.installed: $(READY) tests/other_plugins/requirements.txt
	$(PYTHON) -m venv --clear --without-pip $(OTHERS)
	path='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  echo "import site; site.addsitedir('$$($(BIN)/python -c "$$path")')" \
	  > "$$($(OTHERS)/bin/python -c "$$path")/rest.pth"
	$(BIN)/pip --python $(OTHERS)/bin/python install -q --disable-pip-version-check --no-deps \
	  -r tests/other_plugins/requirements.txt
	@touch $@

test-plugins: $(OTHERS)/.installed ## ours beside 40 pytest plugins of other people, alone and all at once
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(OTHERS)/bin/python -m pytest -p xdist -p asyncio -p mmlubench.plugin -q -n 2 \
	  tests/other_plugins $(ARGS)

check: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy perf
	$(BIN)/mypy --explicit-package-bases tests

fix: $(READY) ## let ruff repair and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## rate limits in virtual time, then speed and memory; needs MMLUBENCH_DATA=DIR with the full MMLU in DIR/mmlu
	$(BIN)/python perf/limits.py
	$(BIN)/python perf/bench_mmlu.py --scenario all $(ARGS)

mmlu-quick: $(READY) ## MMLU_LIMIT questions from all subjects (default model: mock)
	$(call mmlu,mock) --limit $(MMLU_LIMIT)

mmlu-benchmark: $(READY) ## the full MMLU (default model: mock, which has only the sample)
	$(call mmlu,mock)

mmlu-openrouter: $(READY) ## MMLU_LIMIT questions through OpenRouter; needs OPENROUTER_API_KEY
	$(call mmlu,openrouter/meta-llama/llama-3.1-8b-instruct) --limit $(MMLU_LIMIT) --no-fallback

list-models: $(READY) ## the models that --model can name
	$(BIN)/python -m pytest benchmarks --list-models

clean: ## remove all environments and all caches; runs under reports/ stay
	rm -rf $(VENV) $(OLDEST) $(OTHERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
