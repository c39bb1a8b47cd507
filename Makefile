# Two commands: `make demo` and `make test`. Both build the environment in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export MPLBACKEND := Agg

.PHONY: demo test test-long bench bench-all lint types clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.developed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/xtsred demo --out demo-report --overwrite

# the speed tests report in a second call: parallel runs would time each other
test: $(VENV)/.developed lint types
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --benchmark-disable
	$(BIN)/python -m pytest -k test_speed

lint: $(VENV)/.developed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.developed
	$(BIN)/mypy

# what takes longer: many seeds, long fuzz, kill tests; run by hand
test-long: $(VENV)/.developed
	$(BIN)/python -m pytest -m long

# one table of speed, memory and accuracy, measured twice, with peers beside ours where they are installed
bench: $(VENV)/.developed
	PYTHONPATH=. $(BIN)/python benchmarks/table.py --write benchmarks/RESULTS.md

# every benchmark in full: half an hour
bench-all: $(VENV)/.developed
	for script in benchmarks/*.py; do echo "== $$script"; PYTHONPATH=. $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) demo-report cis-demo-report .mypy_cache .ruff_cache .pytest_cache
