#!/usr/bin/env bash
# Makes a folder with the program and all it needs, Python and the CPU build of torch included (PyInstaller), says its
# size, and starts it in a system without Python: help, doctor, a probe, two processes at once, the demonstration.
# Usage: packaging/bundle.sh [FOLDER]      (dist/probescope; a new folder). Takes half an hour and 10 GB on the way.
#   TORCH_INDEX    address of torch's index of CPU builds, as its page "Start Locally" gives it for pip; without it pip's
#                  own settings decide
#   BUNDLE_PYTHON  a Python with PyInstaller and all that the program needs, instead of an environment made for it
#   CLEAN_ROOT     the root of another system, with what packaging/system_packages.sh names, to start it in; without it
#                  debootstrap makes one, which takes root
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/system_packages.sh

target=$(realpath -m "${1:-dist/probescope}")
if [ -e "$target" ]; then echo "$target is there already: name a new folder." >&2; exit 2; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=${BUNDLE_PYTHON:-$work/env/bin/python}
if [ -z "${BUNDLE_PYTHON:-}" ]; then
    python3 -m venv "$work/env"
    "$python" -m pip install --quiet ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchvision
    "$python" -m pip install --quiet . 'pyinstaller>=6.10'
fi
if ! "$python" -c 'import sys, torch; sys.exit(torch.version.cuda is not None)'; then
    echo "This torch is built for CUDA, which takes gigabytes more: give TORCH_INDEX." >&2
    exit 2
fi
if ! "$python" -c 'import torchvision'; then
    echo "torch and torchvision do not fit each other: take both from TORCH_INDEX." >&2
    exit 2
fi
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$work/wheel" .
"$python" -m pip install --quiet --no-deps --target "$work/program" "$work"/wheel/*.whl
PROGRAM=$work/program PYTHONPATH=$work/program "$python" -m PyInstaller --noconfirm --log-level WARN \
    --distpath "$work/made" --workpath "$work/build" packaging/probescope.spec
mkdir -p "$(dirname "$target")"
mv "$work/made/probescope" "$target"
[ -e "$target/probescope-window" ] || ln -s probescope "$target/probescope-window"
echo "$target: $(du -sh "$target" | cut -f1), as one packed file $(tar -C "$target" -c . | gzip -1 | wc -c | numfmt --to=iec)"

root=${CLEAN_ROOT:-$work/root}
if [ -z "${CLEAN_ROOT:-}" ]; then
    if ! command -v debootstrap >/dev/null || [ "$(id -u)" != 0 ]; then
        echo "It was not started in a clean system: that takes root and debootstrap, or CLEAN_ROOT." >&2
        exit 0
    fi
    # shellcheck disable=SC2086 - a list
    include=$(echo $qt_packages $screen_packages | tr ' ' ',')
    debootstrap --variant=minbase --include="$include" "$(. /etc/os-release; echo "$VERSION_CODENAME")" "$root" >"$work/debootstrap.log" ||
        { tail "$work/debootstrap.log" >&2; exit 1; }
fi
packaging/try_bundle.sh "$target" "$root"
