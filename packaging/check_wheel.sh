#!/usr/bin/env bash
# Builds the wheel and lives with it as a user does: installed with uv or pipx in a folder of its own, away from the
# checkout, it tells its help, checks itself, makes a probe, computes with two processes, runs the demonstration and
# removes itself. Takes minutes and several GB; not among the tests.
# Usage: packaging/check_wheel.sh [uv | pipx] [options of `uv tool install` or `pipx install`]
# uv chooses the build of torch by the graphics card, unless UV_TORCH_BACKEND says which (empty: as any other package).
set -euo pipefail
cd "$(dirname "$0")/.."
tool=${1:-uv}
shift || true
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export UV_TOOL_DIR=$folder/tools UV_TOOL_BIN_DIR=$folder/bin PIPX_HOME=$folder/pipx PIPX_BIN_DIR=$folder/bin
export PROBESCOPE_HOME=$folder/home XDG_DATA_HOME=$folder/share UV_TORCH_BACKEND=${UV_TORCH_BACKEND-auto}
[ -n "$UV_TORCH_BACKEND" ] || unset UV_TORCH_BACKEND
case $tool in
    uv) uv build --quiet --wheel --out-dir "$folder/dist"; install=(uv tool install) remove=(uv tool uninstall) ;;
    pipx) python3 -m pip wheel --quiet --no-deps --wheel-dir "$folder/dist" .; install=(pipx install) remove=(pipx uninstall) ;;
    *) echo "Either uv or pipx, not $tool." >&2; exit 2 ;;
esac
cd "$folder"
"${install[@]}" "$@" dist/*.whl
export PATH=$folder/bin:$PATH

probescope --help
probescope doctor || [ $? = 2 ]  # a machine may lack something
probescope probe --network mobilenet_v2 --roi FFA --image cat_chelsea --epsilon 3 --steps 2 --out out/probe
probescope stimuli check out/probe
probescope fragility --encoders alexnet,alexnet_robust --voxels FFA:1 --images test:2 --steps 2 --engine local:2 --out out/fragility
probescope desktop
probescope desktop --remove
probescope demo --out out/demo
"${remove[@]}" probescope
