# Everything runs in .venv, made here on first use from a Python 3.11 or 3.12. Nothing outside the checkout is touched.

SHELL := /bin/sh
.DEFAULT_GOAL := help
# Only what `make test` prepares runs side by side: installations must not.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
.PHONY: help demo test test-fast coverage fuzz search lint programs servers bench schemas clean

# Some machines turn off compiled files of Python; the commands that tests start would compile all modules each time.
export PYTHONDONTWRITEBYTECODE :=

PY := .venv/bin/python
# Tests of sensing/.
CORE := tests/codec tests/contracts tests/demand tests/detection tests/machines tests/state tests/supply
# Newer pips show what the build backend thinks of editable installs in general.
PIP := PYTHONWARNINGS=ignore $(PY) -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: .venv/kernels.stamp ## real orders with a simulated supply side, watched live
	@.venv/bin/tidegauge demo

# Two processes: with more on two cores, tests with servers reach their time limits.
test: .venv/dev.stamp ## lint, types and all tests, against a real Kafka and Redis, as CI runs them
	@$(MAKE) --no-print-directory --jobs 3 SIDE_BY_SIDE=1 .venv/kernels.stamp lint programs
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-fast: .venv/dev.stamp .venv/kernels.stamp ## tests without servers and whole replays, within two minutes
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not servers and not slow'

coverage: .venv/dev.stamp .venv/kernels.stamp ## lines of sensing/ that tests reach, kernels run as plain Python
	@NUMBA_DISABLE_JIT=1 $(PY) -m pytest -n 2 --dist loadfile -m 'not servers and not slow and not compiled' \
	    --cov sensing --cov-report= $(CORE)
	@$(PY) -m pytest -n 2 --dist loadfile -m 'compiled and not slow' \
	    --cov sensing --cov-append --cov-report term:skip-covered $(CORE)

fuzz: .venv/dev.stamp .venv/kernels.stamp ## valid but extreme events from thousands of seeds, for half an hour
	@FUZZ_SEEDS=$${FUZZ_SEEDS:-5000} $(PY) -m pytest -n 2 -q tests/machines/test_extreme_events.py

search: .venv/dev.stamp .venv/kernels.stamp ## tests of properties with 25 times as many examples, new ones each time
	@SEARCH_TIMES=$${SEARCH_TIMES:-25} $(PY) -m pytest -n 2 -q -m 'not servers' $(CORE)

lint: .venv/dev.stamp ## ruff and mypy
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check . || { echo 'Some files are not formatted. Fix: .venv/bin/ruff format .'; exit 1; }
	@.venv/bin/mypy --no-error-summary

programs: .venv/runtime.stamp
	@$(PY) -m benchmarks.servers.install

servers: programs ## a Kafka and a Redis to try things out, until Ctrl-C
	@$(PY) -m benchmarks.servers

bench: .venv/runtime.stamp ## every benchmark at its smoke size
	@$(PY) -m benchmarks --smoke

schemas: .venv/runtime.stamp ## write the JSON Schemas and the AsyncAPI document from the types
	@.venv/bin/tidegauge schemas

clean: ## remove .venv and all caches
	@rm -rf .venv build dist *.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The dev part contains the runtime part, so that `make test` on a new machine installs once.
.venv/dev.stamp: pyproject.toml constraints.txt Makefile
	@$(VENV)
	@$(PIP) --editable '.[dev]'
	@touch .venv/runtime.stamp $@

.venv/runtime.stamp: pyproject.toml constraints.txt Makefile
	@$(VENV)
	@$(PIP) --editable .
	@touch $@

# Compiling the kernels belongs to the installation; afterwards every start finds them on disk.
.venv/kernels.stamp: .venv/runtime.stamp $(shell find sensing -name '*.py')
	@$(PY) -m flows.cli.warm_up
	@touch $@

# A candidate counts only if it runs: version managers leave commands behind that only print an error. Where none fits,
# uv brings an interpreter of its own.
FITS := -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))'
define VENV
if $(PY) $(FITS) 2>/dev/null && $(PY) -m pip --version >/dev/null 2>&1; then exit 0; fi; \
for python in python3.12 python3.11 python3 python; do \
    if "$$python" $(FITS) >/dev/null 2>&1; then \
        echo "Installing into .venv with $$("$$python" --version) (once, about a minute)"; \
        exec "$$python" -m venv --clear .venv; \
    fi; \
done; \
if uv --version >/dev/null 2>&1; then \
    echo 'Installing into .venv with a Python 3.12 that uv brings (once, about two minutes)'; \
    exec uv venv --quiet --clear --seed --python 3.12 .venv; \
fi; \
echo 'Tidegauge needs Python 3.11 or 3.12 with its venv module, and found neither on PATH. Install one of:' >&2; \
echo '  Debian, Ubuntu   apt install python3.12 python3.12-venv   (or python3.11 python3.11-venv)' >&2; \
echo '  Fedora           dnf install python3.12' >&2; \
echo '  macOS            brew install python@3.12' >&2; \
echo '  anywhere         uv, which brings a Python of its own (docs.astral.sh/uv)' >&2; \
exit 1
endef
