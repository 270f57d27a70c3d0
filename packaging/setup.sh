#!/usr/bin/env bash
# Makes .venv with everything the program and its tests need, once; a second call only compares two dates.
# Usage: packaging/setup.sh   (called by `make run` and `make test`)
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/.installed
qt_packages="libgl1 libegl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon0 libxcb-cursor0 libxcb-icccm4
libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0"
screen_packages="xvfb xauth"

if [ -e "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] && [ ! packaging/setup.sh -nt "$stamp" ]; then
    exit 0
fi

say() { printf '%s\n' "$*" >&2; }

missing_packages() {
    for package in $qt_packages $screen_packages; do
        # libglib2.0-0 is called libglib2.0-0t64 on newer systems.
        dpkg-query -W -f='${Status}\n' "$package" "${package}t64" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
    done
}

install_system_libraries() {
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 0
    local missing
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ]; then
        say "Installing the system libraries of Qt and VTK: $missing"
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        say "Qt and VTK need system libraries that are missing. Type this once, then call make again:"
        say "  sudo apt-get install -y $missing"
        exit 1
    fi
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

install_system_libraries
python=$(find_python)
if [ ! -x .venv/bin/python ]; then
    say "Making the environment in .venv with $($python --version)"
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        say "Python could not make an environment. On Debian and Ubuntu type this once, then call make again:"
        say "  sudo apt-get install -y python3-venv"
        exit 1
    fi
fi
say "Installing Probescope and its libraries (several GB with torch; some minutes, once)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
touch "$stamp"
