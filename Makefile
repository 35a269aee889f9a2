# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0

# Requires Python 3.11 or later and a package index. Everything else is created in .venv and .venvs.
# Commands use the interpreter of their environment, so no environment needs to be activated.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
# Without cached bytecode, each process of each test compiles the package and the tests again.
unexport PYTHONDONTWRITEBYTECODE

# The first interpreter that is recent enough and can create virtual environments.
PYTHON ?= $(or $(shell for p in python3 python3.12 python3.11 python3.13 /usr/bin/python3; do \
	$$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; \
	done),python3)
AIRFLOWS := 2.11.2 3.0.6 3.1.8 3.2.2 3.3.2
OLDER := $(filter-out 3.3.2,$(AIRFLOWS))
PY := .venv/bin/python
# Two parallel workers: more would overload a small machine that also runs Airflow.
WORKERS ?= 2
PYTEST := -m pytest -q
# Idle workers take over tests of the other one, so that both end at the same time.
PARALLEL := -n $(WORKERS) --dist worksteal
# Tests that need development tools and do not depend on the Airflow version.
NEWEST_ONLY := --ignore=tests/contract --ignore=tests/packaging/test_distributions.py \
	--ignore=tests/live --ignore=tests/docs/test_live_page.py --ignore=tests/packaging/test_audit.py \
	--ignore=tests/packaging/test_workflows.py
# Tests that do not start Airflow.
QUICK := not system and not distributed
# A large suite that depends on the HTTP libraries: run with the newest and the lowest versions only.
NEWEST_AND_FLOORS_ONLY := --ignore=tests/faults
# Tests that library versions cannot affect. The oldest and the newest Airflow run them.
NOT_ON_FLOORS := --ignore=tests/gate --ignore=tests/testing --ignore=tests/benchmarks --ignore=tests/docs
# Tests that depend on the Airflow version. The oldest and the newest version run everything, including tests of timing
# and concurrency.
OLDEST := 2.11.2
AIRFLOW_DEPENDENT := tests/airflow tests/packaging tests/security/test_airflow_exposure.py tests/security/test_templates.py \
	$(addprefix --ignore=tests/airflow/test_, timestamped_lag.py slow_api.py clocks_and_blocked_loops.py \
	concurrent_triggers.py shared_sessions.py pipeline_modes.py pipeline_sensor.py)
# The example DAGs wait for minutes. The oldest and the newest version run them.
NOT_BETWEEN := --ignore=tests/system/test_examples.py
SOURCES := airflow_provider_streamkap benchmarks example_dags scripts tests
MAKE_ENVIRONMENT := scripts/environment.py pyproject.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv environments test lint unit system test-matrix test-distributed demo docs pictures build accuracy soak bench bench-waits bench-lists bench-airflow bench-import live audit clean $(AIRFLOWS:%=matrix-%) matrix-floors

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: .venv/.ready ## create the development environment: Airflow 3.3.2, this checkout, all tools

.venv/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venv --group dev
	@touch $@

.venvs/demo/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/demo
	@touch $@

.venvs/%/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/$* --airflow $* --group test
	@touch $@

# The environments that .ci/run needs besides .venv, in the order of their use.
environments: $(patsubst %,.venvs/%/.ready,$(OLDER) floors distributed build audit demo)

test: lint unit system ## run all checks on Airflow 3.3.2, including the example DAGs on a real scheduler

lint: .venv/.ready ## run ruff, mypy and import-linter
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

unit: .venv/.ready ## run unit, contract and packaging tests, and check the coverage
	$(PY) $(PYTEST) $(PARALLEL) -m "$(QUICK)" --cov --cov-report=
	$(PY) -m coverage report --fail-under=100 \
		--include='airflow_provider_streamkap/api/*,airflow_provider_streamkap/gate/*,airflow_provider_streamkap/polling/*'
	$(PY) -m coverage report --fail-under=95

system: .venv/.ready ## run the example DAGs on a real scheduler and triggerer
	$(PY) $(PYTEST) -m system

test-matrix: $(AIRFLOWS:%=matrix-%) matrix-floors ## run unit tests and deferrable runs on every supported Airflow version

$(OLDER:%=matrix-%): matrix-%: .venvs/%/.ready
	.venvs/$*/bin/python $(PYTEST) $(PARALLEL) -m "$(QUICK)" $(NEWEST_ONLY) $(NEWEST_AND_FLOORS_ONLY) \
		$(if $(filter $(OLDEST),$*),,$(AIRFLOW_DEPENDENT))
	.venvs/$*/bin/python $(PYTEST) -m "system and deferrable" $(NEWEST_ONLY) \
		$(if $(filter $(OLDEST),$*),,$(NOT_BETWEEN))

matrix-3.3.2: .venv/.ready
	$(PY) $(PYTEST) $(PARALLEL) -m "$(QUICK)" $(NEWEST_ONLY)
	$(PY) $(PYTEST) -m "system and deferrable" $(NEWEST_ONLY)

# The lowest version of every dependency in pyproject.toml, including Airflow.
matrix-floors: .venvs/floors/.ready
	.venvs/floors/bin/python $(PYTEST) $(PARALLEL) -m "$(QUICK)" $(NEWEST_ONLY) $(NOT_ON_FLOORS)

.venvs/distributed/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/distributed --group test --group distributed
	@touch $@

test-distributed: .venvs/distributed/.ready ## run 100 waits on a distributed Airflow while components are killed
	.venvs/distributed/bin/python $(PYTEST) -rP -m distributed tests/distributed

demo: .venvs/demo/.ready ## run the example DAGs against the simulator (UI=1: keep the web interface running)
	@.venvs/demo/bin/python -m scripts.demo $(if $(UI),--ui)

docs: .venv/.ready ## build the documentation in docs/_build/html; warnings are errors
	$(PY) -m sphinx --fail-on-warning --keep-going -q -b html docs docs/_build/html

.venvs/pictures/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/pictures --group pictures
	@touch $@

pictures: .venvs/pictures/.ready ## update the images of the documentation (requires chromium and chromium-driver)
	.venvs/pictures/bin/python -m scripts.connection_form
	.venvs/pictures/bin/python -m scripts.record_demo

.venvs/build/.ready: scripts/environment.py scripts/build-requirements.txt
	$(PYTHON) scripts/environment.py .venvs/build --locked scripts/build-requirements.txt
	@touch $@

build: .venvs/build/.ready ## build sdist and wheel in dist/ with pinned tools
	rm -rf dist
	.venvs/build/bin/python -m build --no-isolation --outdir dist .

accuracy: .venv/.ready ## simulate how often the gate opens too early (WRITE=1: update docs/accuracy.md)
	$(PY) -m benchmarks.accuracy $(if $(WRITE),--write docs/accuracy.md)

soak: .venv/.ready ## simulate one hour of a triggerer in two minutes; fail on leaks (WRITE=1: update docs/soak-test.md)
	$(PY) -m benchmarks.soak $(if $(WRITE),--write docs/soak-test.md)

.venvs/bench/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/bench --group bench
	@touch $@

bench: bench-waits bench-lists bench-airflow bench-import ## run all benchmarks, about 40 minutes (WRITE=1: update docs/performance.md)

bench-waits: .venvs/bench/.ready ## benchmark thousands of triggers in one event loop, compared with other providers
	.venvs/bench/bin/python -m benchmarks.cost $(if $(WRITE),--write docs/performance.md)

bench-lists: .venv/.ready ## benchmark reading 300 destinations in a worker (30 seconds)
	$(PY) -m benchmarks.lists $(if $(WRITE),--write docs/performance.md)

bench-airflow: .venvs/bench/.ready ## benchmark worker slots and 200 mapped waits in a real Airflow
	.venvs/bench/bin/python -m benchmarks.airflow_waits --mapped $(if $(WRITE),--write docs/performance.md)

bench-import: .venv/.ready ## benchmark the import time of the sensor
	$(PY) -m scripts.bench_import

.venvs/audit/.ready: $(MAKE_ENVIRONMENT)
	$(PYTHON) scripts/environment.py .venvs/audit --group audit
	@touch $@

audit: .venvs/audit/.ready ## check the runtime dependencies for vulnerabilities and licences (OFFLINE=1: require licences only)
	@.venvs/audit/bin/python -m scripts.audit $(if $(OFFLINE),--offline)

live: .venv/.ready ## check the provider's assumptions against the live service (requires STREAMKAP_CLIENT_ID and STREAMKAP_SECRET)
	@$(PY) -m scripts.live $(if $(PAUSE),--pause $(PAUSE))

clean: ## remove environments, builds and caches
	rm -rf .venv .venvs dist build site docs/_build htmlcov .coverage .coverage.* .demo
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
