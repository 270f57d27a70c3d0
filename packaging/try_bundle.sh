#!/usr/bin/env bash
# Starts a bundle in another system that has no Python and nothing of this environment: help, doctor, a probe, two
# processes at once, a movie, the demonstration; their files stay in ROOT/root/out.
# Usage: packaging/try_bundle.sh FOLDER ROOT      (as root; ROOT is the root of that system)
set -euo pipefail
if [ -z "${APART:-}" ]; then APART=yes exec unshare --mount "$0" "$@"; fi  # what is mounted here ends with the script

bundle=$(realpath "$1") root=$(realpath "$2")
for name in python python3; do
    if chroot "$root" sh -c "command -v $name" >/dev/null; then echo "$root has a $name." >&2; exit 2; fi
done
mkdir -p "$root/opt/probescope"
mount --bind "$bundle" "$root/opt/probescope"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"

probescope() {
    echo "+ probescope $*"
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        chroot "$root" sh -c 'cd /root && exec /opt/probescope/probescope "$@"' sh "$@"
}
probescope --help
probescope doctor || [ $? = 2 ]  # there is no display
probescope probe --network mobilenet_v2 --roi FFA --image cat_chelsea --epsilon 3 --steps 2 --out out/probe
probescope stimuli check out/probe
probescope movie out/probe/cat_chelsea-raise-FFA-l2-3.json --cortex --seconds 1 --hold 0.5 --out out/steps.mp4
probescope fragility --encoders alexnet,alexnet_robust --voxels FFA:1 --images test:2 --steps 2 --engine local:2 --out out/fragility
probescope desktop
probescope demo --out out/demo
