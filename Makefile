# `make demo` and `make test` need Python 3.11 or later and make, nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

# Python starts slowly behind some launchers: it is looked for only when .venv has to be made.
find_python = for name in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; exit 0; }; \
	done; exit 1

.NOTPARALLEL: # one pip at a time

BIN := .venv/bin
BUILD := pyproject.toml src/ketasim/__about__.py
EXAMPLES := src/ketasim/dosing/examples
COURSES := $(sort $(basename $(notdir $(wildcard $(EXAMPLES)/*.yaml))))
TRIALS := $(sort $(basename $(notdir $(wildcard $(EXAMPLES)/trials/*.yaml))))

.PHONY: help demo examples test slow fuzz lint bench load bench-words calibrate forecast-checks judge pages docs requirements browser clean

help:
	@echo "make demo          simulate one course and one trial: what came out, and what to open"
	@echo "make examples      run every example; reports in out/"
	@echo "make test          run the tests"
	@echo "make slow          run the tests that take minutes: the calibrations from their start"
	@echo "make fuzz          mutated input for an hour; FUZZ_SECONDS=600 for ten minutes"
	@echo "make lint          style, types, imports, dependencies, evidence"
	@echo "make calibrate     fit the three models again; cards and reports in out/calibrate-*"
	@echo "make forecast-checks  a thousand simulated patients forecast, rivals, a long walk, minutes; taken up where it was left"
	@echo "make judge         ten full refits of mood and parameter recovery, most of an hour; taken up where it was left"
	@echo "make pages         write again what is generated in the pages; ARGS=--recompute for kept results"
	@echo "make docs          build the documentation into site/"
	@echo "make bench         run the benchmarks beside other engines; ARGS=--quick for a try"
	@echo "make load          50 people on the page for ten minutes; ARGS='--people 5 --seconds 20' for a try"
	@echo "make bench-words   read the corpus of entries people write: precision and recall"
	@echo "make requirements  pin the dependencies again"
	@echo "make clean         remove .venv, out/ and site/"

# Environment. Stamps are keyed on the pins: a second call does nothing.

$(BIN)/python:
	@python=$$($(find_python)) || { \
		echo "error: Python 3.11 or later is needed; install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
	"$$python" -m venv .venv || { rm -rf .venv; \
		echo "error: $$python cannot make an environment; on Debian or Ubuntu install python3-venv" >&2; exit 1; }

.venv/.run: requirements/run.txt | $(BIN)/python
	@echo "Installing requirements/run.txt"
	@$(BIN)/python -m pip install -qq --require-hashes -r $<
	@touch $@

.venv/.dev: requirements/dev.txt | $(BIN)/python
	@echo "Installing requirements/dev.txt"
	@$(BIN)/python -m pip install -qq --require-hashes -r $<
	@touch $@ .venv/.run

.venv/.package: $(BUILD) | .venv/.run
	@$(BIN)/python -m pip install -qq --no-build-isolation --no-deps -e .
	@touch $@

# What is used

define EVIDENCE_LINT
import sys
from ketasim.evidence import lint
errors = [finding for finding in lint() if finding.severity == "error"]
print("Evidence:", "no errors" if not errors else "", *errors, sep="\n" if errors else " ")
sys.exit(bool(errors))
endef
export EVIDENCE_LINT

demo: .venv/.run .venv/.package
	@echo "ketasim simulate iv_six_then_weekly --n 100 --out out/course"
	@$(BIN)/ketasim simulate iv_six_then_weekly --n 100 --out out/course
	@echo
	@echo "ketasim trial murrough2013 --out out/trial"
	@$(BIN)/ketasim trial murrough2013 --out out/trial
	@echo
	@echo "Open out/course/report.html and out/trial/report.html in a browser."
	@echo "More of both: .venv/bin/ketasim simulate --list, .venv/bin/ketasim trial --list"
	@echo "The page, in a browser: .venv/bin/ketasim serve, then open http://127.0.0.1:8765"

examples: .venv/.run .venv/.package
	@mkdir -p out
	@test -n "$(COURSES)" || { echo "error: $(EXAMPLES) holds no course" >&2; exit 1; }
	@for name in $(COURSES); do \
		echo "$$name"; \
		$(BIN)/ketasim simulate "$$name" --out "out/$$name" > "out/$$name.txt"; \
	done
	@for name in $(TRIALS); do \
		echo "$$name"; \
		$(BIN)/ketasim trial "$$name" --out "out/trial-$$name" > "out/trial-$$name.txt"; \
	done
	@$(BIN)/ketasim session esketamine_label --out out/session > out/session.txt
	@$(BIN)/ketasim screen screen_interactions --out out/screen > out/screen.txt
	@echo "out/session.txt and out/screen.txt: one session by the minute, one course screened"
	@echo "Open out/*/report.html in a browser; what came out is in out/*.txt, the tables beside the reports."

# Files in their order: sorted by their number of tests, the fits, few and long, would come last.
# A worker for each core: threads of linear algebra beside them would wait for each other.
test: .venv/.dev .venv/.package browser
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

slow: .venv/.dev .venv/.package
	@$(BIN)/python -m pytest -m calibration $(ARGS)

# Prints the seed and the smallest input of each failure; writes nothing into the tree.
fuzz: .venv/.dev .venv/.package
	@PYTHONDONTWRITEBYTECODE=1 $(BIN)/python tests/fuzz/test_fuzz.py

calibrate: .venv/.run .venv/.package
	@$(BIN)/ketasim calibrate pk --out out/calibrate-pk
	@$(BIN)/ketasim calibrate mood --out out/calibrate-mood
	@$(BIN)/ketasim calibrate session --out out/calibrate-session

forecast-checks: .venv/.dev .venv/.package
	@$(BIN)/python docs/build/pages.py --recompute forecast-calibration forecast-skill forecast-early forecast-walk

judge: .venv/.dev .venv/.package
	@$(BIN)/python docs/build/pages.py --recompute mood-refit mood-recovery

lint: .venv/.dev .venv/.package
	@$(BIN)/ruff check --no-cache
	@$(BIN)/ruff format --check
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/deptry src
	@$(BIN)/python -c "$$EVIDENCE_LINT"

pages: .venv/.dev .venv/.package
	@$(BIN)/python docs/build/pages.py $(ARGS)

docs: .venv/.dev .venv/.package
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict # --quiet would hide warnings from --strict

# Peers are compared with, never used: each is installed by itself, and one that cannot be is left
# out. numbalsoda is built from source and needs gfortran and cmake.
PEERS := antimony diffrax libroadrunner numbalsoda

.venv/.peers: | .venv/.dev
	@for peer in $(PEERS); do \
		echo "Installing $$peer"; \
		$(BIN)/python -m pip install -qq "$$peer" >/dev/null 2>&1 || echo "note: $$peer was not installed and is left out"; \
	done
	@touch $@

bench: .venv/.dev .venv/.peers .venv/.package
	@$(BIN)/python benchmarks/run.py $(ARGS)

load: .venv/.dev .venv/.package
	@$(BIN)/python benchmarks/load.py $(ARGS)

bench-words: .venv/.run .venv/.package
	@$(BIN)/python benchmarks/words.py $(ARGS)

# Tests marked `page` open the report in a browser. They are skipped without one, except in CI.
browser:
	@command -v chromium >/dev/null && exit 0; \
	if command -v apt-get >/dev/null; then \
		if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as="sudo -n"; else as=no; fi; \
		if [ "$$as" != no ]; then \
			echo "Installing chromium"; \
			export DEBIAN_FRONTEND=noninteractive; \
			{ $$as apt-get -qq update && $$as apt-get -qq install -y --no-install-recommends chromium; } >/dev/null || true; \
		fi; \
	fi; \
	command -v chromium >/dev/null && exit 0; \
	if [ -n "$${CI:-}" ]; then echo "error: the page tests need chromium; install it" >&2; exit 1; fi; \
	echo "chromium was not found: the page tests are skipped; install it to run them"

# Pins carry hashes and no index lines. The runtime pins are held to those of development.
UV = $(shell command -v uv || echo $(BIN)/uv)
COMPILE = $(UV) pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links $(ARGS)

requirements:
	@$(UV) --version >/dev/null 2>&1 || { \
		echo "error: uv pins the dependencies; install it: $(BIN)/python -m pip install uv" >&2; exit 1; }
	@$(COMPILE) --all-extras --group dev pyproject.toml -o requirements/dev.txt
	@$(COMPILE) --group build -c requirements/dev.txt pyproject.toml -o requirements/run.txt

clean:
	@rm -rf .venv out site
