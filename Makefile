# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0

# Needs Python 3.11 or later and a package index, and makes everything else itself, in .venv and .venvs.
# Every command goes through an environment's own interpreter, so it does not matter whether one is active.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

# The first interpreter that is new enough and can make environments.
PYTHON ?= $(or $(shell for p in python3 python3.12 python3.11 python3.13 /usr/bin/python3; do \
	$$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; \
	done),python3)
AIRFLOWS := 2.11.2 3.0.6 3.1.8 3.2.2 3.3.2
OLDER := $(filter-out 3.3.2,$(AIRFLOWS))
PY := .venv/bin/python
# Two at a time: more do not fit beside a running Airflow on a small machine.
WORKERS ?= 2
PYTEST := -m pytest -q
# What needs tools that are in the environment for development only, and would say the same on every Airflow.
NEWEST_ONLY := --ignore=tests/contract --ignore=tests/packaging/test_distributions.py \
	--ignore=tests/live --ignore=tests/docs/test_live_page.py --ignore=tests/packaging/test_audit.py \
	--ignore=tests/packaging/test_workflows.py
# What starts no Airflow.
QUICK := not system and not distributed
# Many, and about the libraries that ask: on the newest of everything, and on the least.
BOTH_ENDS_ONLY := --ignore=tests/faults
# What can differ from one Airflow to the next. The oldest and the newest run everything.
OLDEST := 2.11.2
FACES_AIRFLOW := tests/airflow tests/packaging tests/security/test_airflow_exposure.py tests/security/test_templates.py tests/docs tests/polling/test_triggers.py
SOURCES := airflow_provider_streamkap benchmarks example_dags scripts tests
MAKE_ENVIRONMENT := scripts/environment.py pyproject.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv test lint unit system test-matrix test-distributed demo docs pictures build accuracy soak bench bench-waits bench-lists bench-airflow bench-import live audit clean $(AIRFLOWS:%=matrix-%) matrix-floors

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: .venv/.ready ## the environment for development: Airflow 3.3.2, this checkout, all tools

.venv/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venv --group dev
	@touch $@

.venvs/demo/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/demo
	@touch $@

.venvs/%/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/$* --airflow $* --group test
	@touch $@

test: lint unit system ## everything that must hold on Airflow 3.3.2, example DAGs on a real scheduler included

lint: .venv/.ready ## ruff, mypy and import-linter
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

unit: .venv/.ready ## unit, contract and packaging tests, and what of the code they must reach
	$(PY) $(PYTEST) -n $(WORKERS) -m "$(QUICK)" --cov --cov-report=
	$(PY) -m coverage report --fail-under=100 \
		--include='airflow_provider_streamkap/api/*,airflow_provider_streamkap/gate/*,airflow_provider_streamkap/polling/*'
	$(PY) -m coverage report --fail-under=95

system: .venv/.ready ## the example DAGs on a real scheduler and triggerer
	$(PY) $(PYTEST) -m system

test-matrix: $(AIRFLOWS:%=matrix-%) matrix-floors ## unit tests and deferrable runs on every supported line of Airflow

$(OLDER:%=matrix-%): matrix-%: .venvs/%/.ready
	.venvs/$*/bin/python $(PYTEST) -n $(WORKERS) -m "$(QUICK)" $(NEWEST_ONLY) $(BOTH_ENDS_ONLY) \
		$(if $(filter $(OLDEST),$*),,$(FACES_AIRFLOW))
	.venvs/$*/bin/python $(PYTEST) -m "system and deferrable" $(NEWEST_ONLY)

matrix-3.3.2: .venv/.ready
	$(PY) $(PYTEST) -n $(WORKERS) -m "$(QUICK)" $(NEWEST_ONLY)
	$(PY) $(PYTEST) -m "system and deferrable" $(NEWEST_ONLY)

# The least of every dependency that pyproject.toml declares, Airflow included.
matrix-floors: .venvs/floors/.ready
	.venvs/floors/bin/python $(PYTEST) -n $(WORKERS) -m "$(QUICK)" $(NEWEST_ONLY)

.venvs/distributed/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/distributed --group test --group distributed
	@touch $@

test-distributed: .venvs/distributed/.ready ## a hundred waits in an Airflow of many machines, parts of which are lost
	.venvs/distributed/bin/python $(PYTEST) -rP -m distributed tests/distributed

demo: .venvs/demo/.ready ## watch Airflow wait for a destination to drain (UI=1: and keep its web interface up)
	@.venvs/demo/bin/python -m scripts.demo $(if $(UI),--ui)

docs: .venv/.ready ## the documentation in docs/_build/html, where every warning is an error
	$(PY) -m sphinx --fail-on-warning --keep-going -q -b html docs docs/_build/html

.venvs/pictures/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/pictures --group pictures
	@touch $@

pictures: .venvs/pictures/.ready ## take the pictures of the documentation anew (needs chromium and chromium-driver)
	.venvs/pictures/bin/python -m scripts.connection_form
	.venvs/pictures/bin/python -m scripts.record_demo

.venvs/build/.ready: scripts/environment.py scripts/build-requirements.txt
	$(PYTHON) scripts/environment.py .venvs/build --locked scripts/build-requirements.txt
	@touch $@

build: .venvs/build/.ready ## sdist and wheel in dist/, with pinned tools
	rm -rf dist
	.venvs/build/bin/python -m build --no-isolation --outdir dist .

accuracy: .venv/.ready ## how often the gate opens too early, in a simulation (WRITE=1: update docs/accuracy.md)
	$(PY) -m benchmarks.accuracy $(if $(WRITE),--write docs/accuracy.md)

soak: .venv/.ready ## one simulated hour of a triggerer in two minutes; fails if anything leaks (WRITE=1: update docs/soak-test.md)
	$(PY) -m benchmarks.soak $(if $(WRITE),--write docs/soak-test.md)

.venvs/bench/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/bench --group bench
	@touch $@

bench: bench-waits bench-lists bench-airflow bench-import ## what waits cost, forty minutes of it (WRITE=1: and renew docs/performance.md)

bench-waits: .venvs/bench/.ready ## thousands of triggers in one event loop, ours beside those of others
	.venvs/bench/bin/python -m benchmarks.cost $(if $(WRITE),--write docs/performance.md)

bench-lists: .venv/.ready ## how long a worker reads 300 destinations, beside the least possible (half a minute)
	$(PY) -m benchmarks.lists $(if $(WRITE),--write docs/performance.md)

bench-airflow: .venvs/bench/.ready ## workers that waits take, and 200 mapped waits, on a real Airflow
	.venvs/bench/bin/python -m benchmarks.airflow_waits --crowd $(if $(WRITE),--write docs/performance.md)

bench-import: .venv/.ready ## what importing our sensor adds to importing Airflow
	$(PY) -m scripts.bench_import

.venvs/audit/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/audit --group audit
	@touch $@

audit: .venvs/audit/.ready ## known vulnerabilities and licences of run-time dependencies (OFFLINE=1: licences will do)
	@.venvs/audit/bin/python -m scripts.audit $(if $(OFFLINE),--offline)

live: .venv/.ready ## ask the live service what its reference leaves open (needs STREAMKAP_CLIENT_ID and STREAMKAP_SECRET)
	@$(PY) -m scripts.live $(if $(PAUSE),--pause $(PAUSE))

clean: ## remove environments, builds and caches
	rm -rf .venv .venvs dist build site docs/_build htmlcov .coverage .coverage.* .demo
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
