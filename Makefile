# make demo      trains, quantises, converts and proves the shipped corpus: a bundle in build/demo
# make test      all tests but the slow ones, two at a time; JOBS=4 for four
# make lint      ruff and mypy on the whole tree; make test begins with it
# make base256   the base preset at 256 tokens as a bundle in build/base256
# make site      the pages as a site in build/site
# make tables    writes the tables of README.md and docs/ anew from benchmarks/results
# Each sets up .venv first, or installs into the one that is there; on a bare machine all it needs is Python 3.11.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
RUN := .venv/bin/python
BUILD := build
JOBS ?= 2
IS_PYTHON_3_11 := -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "Python 3.11 is needed, not " \
	+ sys.version[:4] + ": make PYTHON=/path/to/python3.11, or first make .venv: uv venv --seed --python 3.11 .venv")'

.PHONY: demo lint quick test test-slow base256 site tables clean

.venv/bin/python:
	@$(PYTHON) $(IS_PYTHON_3_11)
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt pyproject.toml constraints.txt | .venv/bin/python
	@$(RUN) $(IS_PYTHON_3_11)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	touch $@

demo: .venv/installed
	$(RUN) -m tf_embbert.finetune --task pocket --teacher none --init none --out $(BUILD)/demo-run --force
	$(RUN) convert/convert.py $(BUILD)/demo-run --out $(BUILD)/demo --force
	$(RUN) -m convert.verify $(BUILD)/demo
	$(RUN) -m tf_embbert.evaluate $(BUILD)/demo --task pocket --split test --at-least 90

lint: .venv/installed
	$(RUN) -m ruff check --quiet
	$(RUN) -m ruff format --check --quiet
	$(RUN) -m mypy

test: .venv/installed
	$(MAKE) --no-print-directory --jobs 2 lint quick

quick: .venv/installed
	$(RUN) -m pytest -m "not slow" --numprocesses $(JOBS) --dist loadfile

test-slow: .venv/installed
	$(RUN) -m pytest -m slow

base256: .venv/installed
	$(RUN) convert/convert.py benchmarks/base256 --out $(BUILD)/base256 --arena-budget 114688 --force
	$(RUN) -m convert.verify $(BUILD)/base256

site: .venv/installed
	$(RUN) -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	$(RUN) -m mkdocs build --strict

tables: .venv/installed
	$(RUN) -m benchmarks.tables
	$(RUN) -m convert.check --supported-ops > SUPPORTED_OPS.md.partial
	mv SUPPORTED_OPS.md.partial SUPPORTED_OPS.md

clean:
	rm -rf $(BUILD)
