#!/usr/bin/env bash
# Builds the wheel and lives with it as a user does: installed with uv in a folder of its own, away from the checkout,
# it tells its help, checks itself, makes a probe, computes with two processes, runs the demonstration and removes itself.
# Takes minutes and several GB; not among the tests. Usage: packaging/check_wheel.sh [options of `uv tool install`]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export UV_TOOL_DIR=$folder/tools UV_TOOL_BIN_DIR=$folder/bin PROBESCOPE_HOME=$folder/home XDG_DATA_HOME=$folder/share
uv build --wheel --out-dir "$folder/dist"
cd "$folder"
uv tool install "$@" dist/*.whl
export PATH=$folder/bin:$PATH

probescope --help
probescope doctor || [ $? = 2 ]  # a machine may lack something
probescope probe --network mobilenet_v2 --roi FFA --image cat_chelsea --epsilon 3 --steps 2 --out out/probe
probescope stimuli check out/probe
probescope fragility --encoders alexnet,alexnet_robust --voxels FFA:1 --images test:2 --steps 2 --engine local:2 --out out/fragility
probescope desktop
probescope desktop --remove
probescope demo --out out/demo
uv tool uninstall probescope
