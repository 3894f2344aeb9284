# PYTHON=... chooses the Python that .venv is made with; ARGS=... goes to the demo, to pytest or
# to the conformance tests.

VENV := .venv

help:  ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s  %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/ready-demo  ## Run a whole cluster on this machine, and a desktop client
	@deploy/demo $(ARGS)

test: $(VENV)/ready-test  ## Run all the tests, some side by side
	@$(VENV)/bin/pytest --numprocesses auto --dist worksteal $(ARGS)

conformance: $(VENV)/ready-check  ## Autobahn's WebSocket test suite; needs Python 2.7
	@$(VENV)/bin/python -m tests.websocket_conformance $(ARGS)

check: $(VENV)/ready-check  ## Lint, formatting, types
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy

clean:  ## Remove .venv and every cache
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/ready-%: pyproject.toml deploy/constraints.txt deploy/bootstrap
	@deploy/bootstrap $*

.PHONY: help demo test conformance check clean
