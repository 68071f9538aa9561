# Everything here needs git, make and Python 3.10 to 3.13 with pip and venv, nothing else.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
INSTALLED := .venv/installed
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# One thread for each process, and what a batch took stays with it: otherwise half of a check's time are page faults.
LEAN := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=67108864 MALLOC_TRIM_THRESHOLD_=268435456

help:  ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1	\2/p' $(MAKEFILE_LIST)

demo: $(INSTALLED)  ## a demo class of 10, from notebooks to feedback pages
	$(BIN)/python -m autograder demo

test: $(INSTALLED)  ## all tests (PYTEST="-k name" for some of them, JOBS=4 for more at once)
	$(LEAN) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST)

notebooks: $(INSTALLED)  ## rebuild solutions/*/*.ipynb and assignments/*/*.ipynb from solutions/*.py
	$(BIN)/python -m autograder build notebooks

keys: $(INSTALLED)  ## rebuild the public keys in utils/check/keys (minutes)
	$(LEAN) $(BIN)/python -m autograder build keys

bench: $(INSTALLED)  ## measure, and write benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

gallery: $(INSTALLED)  ## the README's pictures in docs/ (minutes; pages need `make demo` and chromium)
	$(BIN)/python docs/gallery.py

install: $(INSTALLED)  ## make .venv; the other commands do this by themselves

# Once: again only after the requirements have changed.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14) and "Python 3.10 to 3.13 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[autograder,cluster,postgresql,test]'
	touch $@

clean:  ## remove the environment, the demo and caches; never a course's data
	rm -rf .venv demo build *.egg-info utils/build utils/*.egg-info .pytest_cache .hypothesis .cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help demo test notebooks keys bench gallery install clean
.DEFAULT_GOAL := help
