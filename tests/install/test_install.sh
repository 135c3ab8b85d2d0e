#!/usr/bin/env bash
# Installs a build into a temporary prefix and uses it as a stranger would: the examples are built
# with pkg-config and with find_package, against the shared and the static library, and run.
#
#   test_install.sh BUILD SOURCE CC
set -euo pipefail
build=$1 source=$2 cc=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
prefix=$place/prefix

cmake --install "$build" --prefix "$prefix" >"$place/log"

need() { [ -e "$1" ] || { echo "not installed: ${1#"$prefix"/}"; exit 1; }; }
need "$prefix/include/wgamma.h"
need "$prefix/share/wgamma/data/annulus.csv"
need "$prefix/share/man/man1/wgamma.1"
need "$prefix/share/bash-completion/completions/wgamma"
need "$prefix/share/zsh/site-functions/_wgamma"
"$prefix/bin/wgamma" info "$prefix/share/wgamma/data/annulus.csv" >/dev/null

# pkg-config, from a prefix it was not configured for.
library=$(dirname "$(find "$prefix" -name libwgamma.a)")
export PKG_CONFIG_PATH=$library/pkgconfig
mkdir "$place/shared" "$place/static"
for example in 01_distance 02_solver 03_certificate 04_large_cloud 05_muon 06_flow; do
  # shellcheck disable=SC2046  # flags are words
  "$cc" -std=c11 "$source/examples/$example.c" $(pkg-config --cflags --libs wgamma) -lm \
    -o "$place/shared/$example"
  # shellcheck disable=SC2046
  "$cc" -std=c11 "$source/examples/$example.c" \
    $(pkg-config --static --cflags --libs wgamma | sed 's/-lwgamma/-l:libwgamma.a/') \
    -o "$place/static/$example"
done
LD_LIBRARY_PATH=$library python3 "$source/tests/examples/test_examples.py" "$place/shared"
python3 "$source/tests/examples/test_examples.py" "$place/static"

# find_package.
cmake -S "$source/tests/install" -B "$place/user" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_C_COMPILER="$cc" -DWG_EXAMPLES="$source/examples" >"$place/log"
cmake --build "$place/user" >"$place/log"
python3 "$source/tests/examples/test_examples.py" "$place/user/wgamma"
python3 "$source/tests/examples/test_examples.py" "$place/user/static"
