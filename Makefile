# Probescope. Each target makes its own environment from nothing; a second call starts at once.
PYTHON ?=
export PYTHON
py := .venv/bin/python

.PHONY: run test lint bench screenshots screenshots-sizes setup setup-tests

run: setup  ## open the window; without a display run the demonstration into out/demo
	@$(py) main.py

test: setup-tests  ## run the tests, a process and a display for each processor, four at most
	@$(py) -m pytest -n logical --maxprocesses 4 --dist worksteal

lint: setup  ## style and types
	@$(py) -m ruff check .
	@$(py) -m mypy

bench: setup  ## ratios against floors and peers
	@$(py) -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(py) -m pip install --quiet --disable-pip-version-check --no-deps 'torchattacks>=3.5,<4'
	@$(py) -m tests.benchmarks

screenshots: setup  ## make the pictures of README and docs again
	@$(py) main.py demo --out out/screenshots
	@cp out/screenshots/window.png out/screenshots/window_lower.png out/screenshots/window_light.png out/screenshots/encoder_card.png out/screenshots/stimuli.png resources/screenshots/

screenshots-sizes: setup  ## make the pictures of docs/window.md again: every work space, three sizes, both themes
	@$(py) packaging/make_window_pictures.py out/window
	@mkdir -p resources/screenshots/sizes && cp out/window/*.png resources/screenshots/sizes/

setup:
	@packaging/setup.sh

setup-tests:
	@packaging/setup.sh tests
