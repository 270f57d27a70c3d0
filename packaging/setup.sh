#!/usr/bin/env bash
# Makes .venv with everything the program and its tests need, once; a second call only compares two dates.
# Usage: packaging/setup.sh [tests]   (called by `make run` and `make test`; `tests`: also what only they need)
set -euo pipefail
cd "$(dirname "$0")/.."

wish=${1:-}
stamp=.venv/.installed${wish:+-$wish}
. packaging/system_packages.sh

if [ -e "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] && [ ! packaging/setup.sh -nt "$stamp" ]; then
    exit 0
fi

say() { printf '%s\n' "$*" >&2; }

is_debian() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

missing_packages() {
    local package state
    for package in $qt_packages $screen_packages; do
        # libglib2.0-0 is called libglib2.0-0t64 on newer systems; asking for an unknown name fails.
        state=$(dpkg-query -W -f='${Status}\n' "$package" "${package}t64" 2>/dev/null || true)
        case "$state" in *"ok installed"*) ;; *) printf '%s ' "$package" ;; esac
    done
}

# Install Debian packages as root; tell anyone else the one line to type, and stop.
get_packages() {
    if [ "$(id -u)" = 0 ]; then
        say "Installing from the system's packages: $*"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        say "Some packages of the system are missing. Type this once, then call make again:"
        say "  sudo apt-get install -y $*"
        exit 1
    fi
}

install_system_libraries() {
    is_debian || return 0
    local missing
    missing=$(missing_packages)
    # shellcheck disable=SC2086
    [ -z "$missing" ] || get_packages $missing
}

find_python() {
    for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$name" ] && command -v "$name" >/dev/null || continue
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$name"
            return 0
        fi
    done
    say "Python 3.11 or newer is needed and was not found. Install it, or call: make run PYTHON=/path/to/python3"
    return 1
}

# Tests open the pages the program makes in a real browser; without one they are skipped.
get_browser() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null; then return 0; fi
    done
    if is_debian && [ "$(id -u)" = 0 ]; then
        if (get_packages chromium); then return 0; fi
    fi
    say "No Chromium was found; the tests that need a browser are skipped. On Debian: sudo apt-get install -y chromium"
}

# What reads the program's packages, for the tests, in a folder of its own: the parts tested need neither a screen nor a
# store, and what the whole of PsychoPy and Brain-Score asks for does not go together with the program's libraries.
get_readers() {
    get_reader PsychoPy 'psychopy>=2026.1,<2027' six json-tricks i18next
    get_reader Brain-Score 'brainscore_core>=2.5,<3' six
}

# Each by itself: where one cannot be had, the tests of the other still run.
get_reader() {
    local name=$1
    shift
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/readers "$@" ||
        say "$name could not be installed; the tests that read packages with it are skipped."
}

install_system_libraries
python=$(find_python)
if [ ! -x .venv/bin/python ]; then
    say "Making the environment in .venv with $($python --version)"
    # Debian ships Python without what an environment needs.
    if is_debian && ! "$python" -c 'import ensurepip' 2>/dev/null; then
        get_packages "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        say "$python could not make an environment. Call: make run PYTHON=/path/to/another/python3"
        exit 1
    fi
fi
say "Installing Probescope and its libraries (several GB with torch; some minutes, once)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
if [ "$wish" = tests ]; then
    get_browser
    get_readers
fi
touch .venv/.installed "$stamp"
