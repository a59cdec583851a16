# `make demo` and `make test` do everything on a fresh Debian machine that has git, make and Python.
PYTEST := .venv/bin/python -m pytest
# A file of tests is one worker's: its tests share what the first of them made. --durations shows
# where the time goes.
# Two workers more than processors: a test waits for a third of its time.
PARALLEL := -n $(shell expr $$(nproc) + 2) --maxprocesses 6 --dist loadfile --no-loadscope-reorder --durations 25
SIZE ?= small
PREFIX ?= /usr/local

.PHONY: help setup demo test test-tools bench bench-tools bench-parts long crash matrix magento screenshots check docs format lock dist install uninstall clean

help: ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: ## Make .venv with the locked dependencies, and install MariaDB where it is missing
	@scripts/setup.sh

demo: setup ## Make a sample store with a private MariaDB and open the application on it
	@restic=$$(scripts/restic.sh) || echo "magerewind: without it, all but copies elsewhere works" >&2; \
	PATH="$${restic:+$$restic:}$$PATH" .venv/bin/magerewind demo --size $(SIZE)

test-tools: setup
	@scripts/need.sh bsdtar=libarchive-tools 7z=p7zip-full tmux=tmux
	@scripts/restic.sh >/dev/null || echo "magerewind: the tests of repositories are skipped"

# Tests start thousands of processes: none of them should compile the modules again, as each would
# where PYTHONDONTWRITEBYTECODE is set.
test: test-tools ## Run the tests, on all processors and in memory
	@.venv/bin/python -m compileall -q core tui
	TMPDIR=$$(scripts/test_directory.sh) $(PYTEST) $(PARALLEL)

long: test-tools ## Run the variants of stories that the tests leave out
	@.venv/bin/python -m compileall -q core tui
	TMPDIR=$$(scripts/test_directory.sh) $(PYTEST) $(PARALLEL) -m long

crash: test-tools ## Run the long crash suite
	@.venv/bin/python -m compileall -q core tui
	MAGEREWIND_CRASH_REPORT=docs/reliability.md $(PYTEST) -n $$(nproc) tests/crash -m "crash or not crash"
	MAGEREWIND_DIFFERENCE_CASES=40 $(PYTEST) -n $$(nproc) tests/integration tests/repository tests/security tests/database/swap -m "crash or not crash" -k "kill or keeper or property or ends or memory_gone"

matrix: test-tools ## Run the tests on MariaDB 11.8 and MySQL 9 (fetches them, needs root)
	scripts/server_root.sh mariadb mysql
	$(PYTEST) -m matrix

magento: test-tools ## Try backup by one, rollback by the other, with the Magento in $MAGEREWIND_MAGENTO
	TMPDIR=$$(scripts/test_directory.sh) $(PYTEST) tests/magento_native -m magento

bench-tools: setup
	@scripts/need.sh pigz=pigz igzip=isal mydumper=mydumper

bench: bench-tools ## Measure our commands beside tar, igzip, mariadb-dump and mydumper
	.venv/bin/python tests/bench/run.py

bench-parts: bench-tools ## Measure archives, dump and load alone, and how they grow
	.venv/bin/python tests/bench/bench_archive.py
	.venv/bin/python tests/bench/bench_dump.py
	.venv/bin/python tests/bench/bench_load.py

bench-sizes: setup ## Measure the application on 2,000 sets, 400 tables, a million rows, a plan of 100,000
	.venv/bin/python tests/bench/bench_sizes.py

screenshots: test-tools ## Take the pictures in screenshots/ from the real application
	.venv/bin/python screenshots/capture.py

check: setup ## Lint, types and import contracts
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: setup ## Write the pages that are generated from the code
	.venv/bin/python scripts/write_docs.py

format: setup ## Format the code and mend what can be mended
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: ## Write the lock files anew (needs uv)
	uv pip compile pyproject.toml --universal --generate-hashes --no-header --upgrade -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header --upgrade -o requirements-dev.lock

dist: setup ## Make wheel, sdist, one file that holds all, and release notes, in dist/
	.venv/bin/python scripts/dist.py

install: ## Install for all accounts: command, manual, completion (PREFIX=/usr/local)
	@scripts/install.sh "$(PREFIX)"

uninstall: ## Take away what `make install` has put there (PREFIX=/usr/local)
	@scripts/uninstall.sh "$(PREFIX)"

clean: ## Remove what was made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
