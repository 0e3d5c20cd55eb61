# Everything from a fresh clone: each target makes the environment it needs in .venv.
# Needs Python >= 3.11 with venv, make, git and a C++ compiler; the rest comes from the package index.

PYTHON ?= python3
JOBS   ?= 2
EXTRAS ?= demo,dev
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help demo test slow lint bench bench-compress bench-node boards proofs netlists docs tools mutants coverage clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         train, compress, verify, build a bitstream, stream digits (no board needed)"
	@echo "make test         all tests but the slow ones and those of the documentation, on $(JOBS) cores"
	@echo "make slow         the slow tests: minutes more"
	@echo "make lint         ruff and mypy"
	@echo "make docs         documentation: every command and example in it is run"
	@echo "make bench        speed of simulator and core"
	@echo "make bench-compress  accuracy, time and size of compression on real data; about an hour"
	@echo "make bench-node   an emulated sensor node feeds the virtual board for a minute"
	@echo "make proofs       prove what is claimed of the gates, at every size; some minutes"
	@echo "make netlists     synthesised netlists of three FPGA families against the simulator; some minutes"
	@echo "make boards       a bitstream for every board; the tools for ECP5 and Gowin are installed first"
	@echo "make results-NAME rewrite docs/results/NAME.md and NAME.json: simulator, core, core_throughput,"
	@echo "                  mutants, spine, digits, compression, gestures, firmware, hardware, proofs,"
	@echo "                  netlists, recurrent, representation, language"
	@echo "make mutants      plant errors in simulator, gates and firmware, and see that tests notice"
	@echo "make coverage     branch coverage, with and without compiled kernels"
	@echo "make tools        optional system packages for further tests (needs root)"
	@echo "make clean        remove the environment and caches"

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV); the first time takes some minutes ..."
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "edgesnn needs Python 3.11 or later: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: $(STAMP)
	$(BIN)/edgesnn demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m 'not slow and not docs and not netlists'

slow: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m 'slow and not docs and not netlists'

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/repo/test_docs.py tests/repo/test_generated.py

bench: $(STAMP)
	$(BIN)/python -m benches.simulator
	$(BIN)/python -m benches.core

# Threads that wait must not spin, or two programs on two cores take ten times as long as one.
bench-compress: $(STAMP)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benches.compression --write docs/results

proofs: $(STAMP)
	$(BIN)/python -m benches.proofs

netlists: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) -m 'netlists or tools' tests/hdl

boards: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS),ecp5,gowin]'
	$(BIN)/python -m benches.hardware --seeds 1

bench-node: $(STAMP)
	$(BIN)/python -m benches.sensor_node

results-compression: bench-compress

results-spine: results-simulator results-core results-mutants

results-%: $(STAMP)
	$(BIN)/python -m benches.$* --write docs/results

mutants: $(STAMP)
	$(BIN)/python -m benches.mutants

coverage: $(STAMP)
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -n $(JOBS) --cov --cov-append --cov-report= tests/test_simulator.py
	$(BIN)/python -m coverage report --fail-under=90

# For gates: verilator, iverilog. For firmware: emulators, compilers, and clang for its fuzzer.
SYSTEM_PACKAGES := verilator iverilog qemu-system-arm qemu-system-misc gcc-arm-none-eabi \
                   gcc-riscv64-unknown-elf clang llvm lld libclang-rt-14-dev
APT_INSTALL     := apt-get install -y -qq --no-install-recommends $(SYSTEM_PACKAGES)

tools:
	@if [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && $(APT_INSTALL); \
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then \
	    sudo apt-get update -qq && sudo $(APT_INSTALL); \
	else \
	    echo "Not root: skipped. By hand: apt-get install $(SYSTEM_PACKAGES)"; \
	fi

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
