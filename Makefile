# make run: a digest in this terminal (PROFILE=quantum-computing: of that profile).  make test: the tests.  make check: lint, types and the tests
# nearest to a change.  make fuzz: inputs nobody thought of.  make soak: mornings with everything
# that goes wrong.  Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check fuzz soak install lint lock clean

# Not ?=: a PROFILE of the shell's is about something else.
PROFILE =
run: $(VENV)/.installed
	@$(BIN)/paperboy run $(PROFILE)

# The suite starts a hundred processes: compiled once, also where bytecode is not kept otherwise.
test: $(VENV)/.tested
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist worksteal

# ruff and mypy keep what they found in .ruff_cache and .mypy_cache: the second time is quick.
check: lint
	@$(BIN)/python -m tests.touched

# Everything that comes from outside, for so many minutes (CONTRIBUTING.md).
MINUTES ?= 10
soak: $(VENV)/.tested
	@$(BIN)/python -m tests.simulation --seed $$(date +%s) --until-failure --minutes $(MINUTES)

fuzz: $(VENV)/.fuzzing
	@$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

install: $(VENV)/.installed

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# An interrupted install leaves no stamp behind and is taken up again.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Paperboy needs Python 3.11 or newer: make PYTHON=python3.12 " + "run")'
	@echo "Setting up $(VENV) (about a minute, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.fuzzing: $(VENV)/.tested requirements-fuzz.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	@touch $@

# For whoever changes the dependencies; needs uv. The lock files carry hashes and no addresses.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock:
	$(LOCK) --group setup -o requirements.lock pyproject.toml
	$(LOCK) --group dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) --group fuzz -o requirements-fuzz.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
