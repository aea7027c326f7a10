# make demo   inspect goods with simulated devices: hub, station, screen        make demo ARGS="--items 20 --headless"
# make test   run every test, training included
# make help   the rest
.DEFAULT_GOAL := help
SHELL := /bin/bash
RUN := .venv/bin/python
# Tests run side by side, a file at a time, each process with a database of its own; more than four gain little.
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))

.PHONY: help demo test test-fast check format lock install install-dev model render bench

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: ## Environment of station and hub in .venv (no torch)
	@scripts/system-libs run
	@scripts/venv station hub

install-dev: ## The same with training and development tools
	@scripts/system-libs test
	@scripts/venv station hub train dev

demo: install ## Hub, one station with simulated devices, and its screen; ARGS="--help" for the options
	@exec $(RUN) station_app.py demo $(ARGS)

test: install-dev ## Every test, training included; ARGS="-k name" to choose, JOBS=0 for one process
	@exec $(RUN) -m pytest -n $(JOBS) $(ARGS)

test-fast: install-dev ## Without the slow ones
	@exec $(RUN) -m pytest -n $(JOBS) -m "not slow" $(ARGS)

check: install-dev ## Format, lint, types, import contracts
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: install-dev ## Put the code into its one format
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

lock: install-dev ## Write requirements/*.txt anew from pyproject.toml
	scripts/lock $(ARGS)

model: install-dev ## Train the default bundle anew (needs ../shared/datasets)
	$(RUN) -m models train $(ARGS)

render: install-dev ## Render the demo goods anew
	$(RUN) -m datasets.render $(ARGS)

bench: install-dev ## The tables of benchmarks/
	$(RUN) -m benchmarks.stages $(ARGS)
