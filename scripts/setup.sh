#!/usr/bin/env bash
# Makes sure that everything the build needs is there. Looks for the things themselves (a compiler
# that compiles, pkg-config modules), not for package names, so it is silent and quick when nothing
# is missing. With apt-get it installs what is missing; elsewhere it says what to install.
#
#   scripts/setup.sh          what `make`, `make demo` and `make test` need
#   scripts/setup.sh lint     also the formatter and the checkers of `make lint`
#   scripts/setup.sh fuzz     also the compiler of `make fuzz`
#   scripts/setup.sh bench    also numpy, POT and CVXPY with Clarabel and SCS, in
#                             build-bench unless python3 has them
set -euo pipefail

purpose=${1:-build}
case $purpose in
  build | lint | fuzz | bench) ;;
  *) echo "setup.sh: $purpose is none of lint, fuzz, bench" >&2; exit 2 ;;
esac

cc=${CC:-cc}
bench_folder=$(cd "$(dirname "$0")/.." && pwd)/build-bench
bench_python=$bench_folder/bin/python3

command_exists() { command -v "$1" >/dev/null 2>&1; }
module() { pkg-config --exists "$1" 2>/dev/null; }
headers() { printf '#include <%s>\n' "$@" | "$cc" -fopenmp -E -x c - >/dev/null 2>&1; }
ball_arithmetic() { headers flint/flint.h arb_mat.h || headers flint/arb_mat.h; }
any_font() {
  local places=(/usr/share/fonts /usr/local/share/fonts "$HOME/.fonts" "$HOME/.local/share/fonts"
    /Library/Fonts /System/Library/Fonts)
  [ -n "$(find "${places[@]}" -name '*.[to]tf' -print -quit 2>/dev/null)" ]
}
python_modules() { (cd / && "$1" -c 'import numpy, ot, cvxpy, clarabel, scs') >/dev/null 2>&1; }
python_for_tests() {
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -c 'import numpy, pytest' >/dev/null 2>&1 && return
  done
  return 1
}
python_for_truth() {
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -c 'import numpy, mpmath' >/dev/null 2>&1 && return
  done
  return 1
}
python_for_pages() {
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -c 'import sphinx, myst_parser, sphinx_gallery, matplotlib' >/dev/null 2>&1 && return
  done
  return 1
}
python_for_benchmarks() { python_modules python3 || python_modules "$bench_python"; }
python_or_venv() { python_for_benchmarks || python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }
fuzzing_clang() {
  local probe status=0
  probe=$(mktemp -d)
  printf 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return n && !d; }\n' |
    clang -fopenmp -fsanitize=fuzzer,address -x c - -o "$probe/fuzz" >/dev/null 2>&1 || status=1
  rm -rf "$probe"
  return $status
}

# What is missing, as package names. A "-" stands for what such a system always has.
debian=() fedora=() homebrew=()
need() { # need DEBIAN FEDORA HOMEBREW PROBE...; several names with commas between
  local names=("${@:1:3}")
  shift 3
  if "$@"; then return; fi
  names=("${names[@]//,/ }")
  # shellcheck disable=SC2206  # names are words
  debian+=(${names[0]}) fedora+=(${names[1]}) homebrew+=(${names[2]#-})
}

find_missing() {
  debian=() fedora=() homebrew=()
  need gcc,libc6-dev gcc gcc command_exists "$cc"
  need libc6-dev,libgomp1 glibc-devel libomp headers stdio.h omp.h
  need cmake cmake cmake command_exists cmake
  need ninja-build ninja-build ninja command_exists ninja
  need python3 python3 python3 command_exists python3
  need pkg-config pkgconf-pkg-config pkgconf command_exists pkg-config
  need libopenblas-dev openblas-devel openblas module openblas
  need liblapacke-dev lapack-devel lapack module lapacke
  need libfftw3-dev fftw-devel fftw module fftw3
  need libcairo2-dev cairo-devel cairo module cairo
  need libjansson-dev jansson-devel jansson module jansson
  need libzip-dev libzip-devel libzip module libzip
  need zlib1g-dev zlib-devel zlib module zlib
  need libflint-dev,libflint-arb-dev flint-devel flint ball_arithmetic
  need libcmocka-dev libcmocka-devel cmocka module cmocka
  need fonts-dejavu-core dejavu-sans-fonts - any_font
  need python3-numpy,python3-pytest,python3-scipy,python3-matplotlib,python3-hypothesis \
    python3-numpy,python3-pytest,python3-scipy,python3-matplotlib,python3-hypothesis \
    numpy,scipy,python-matplotlib python_for_tests
  need python3-numpy,python3-mpmath python3-numpy,python3-mpmath numpy,- python_for_truth
  need python3-sphinx,python3-myst-parser,python3-sphinx-gallery \
    python3-sphinx,python3-myst-parser,python3-sphinx-gallery - python_for_pages
  if [ "$purpose" = lint ]; then
    need clang-format clang-tools-extra clang-format command_exists clang-format
    need clang-tidy clang-tools-extra llvm command_exists clang-tidy
    need mandoc mandoc mandoc command_exists mandoc
  elif [ "$purpose" = fuzz ]; then
    need clang,libclang-rt-dev,libomp-dev clang,compiler-rt,libomp-devel llvm fuzzing_clang
  elif [ "$purpose" = bench ]; then
    need python3-venv python3 python3 python_or_venv
  fi
}

say_what_is_missing() {
  echo "wgamma needs packages that are not installed:"
  echo "  Debian, Ubuntu:  apt-get install ${debian[*]}"
  echo "  Fedora:          dnf install ${fedora[*]}"
  echo "  Homebrew:        brew install ${homebrew[*]}"
} >&2

install_missing() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command_exists sudo; then
      say_what_is_missing
      echo "(neither root nor sudo: install them and run this again)" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "setup: installing ${debian[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  # FLINT 3 brings Arb along: where it is the version, Arb has no package of its own.
  if ! apt-cache show libflint-arb-dev >/dev/null 2>&1; then
    local package kept=()
    for package in "${debian[@]}"; do
      [ "$package" = libflint-arb-dev ] || kept+=("$package")
    done
    debian=("${kept[@]}")
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${debian[@]}" >/dev/null
}

install_python_modules() {
  echo "setup: installing numpy, POT, CVXPY, Clarabel and SCS in build-bench"
  python3 -m venv "$bench_folder"
  "$bench_python" -m pip install --quiet --upgrade numpy POT cvxpy clarabel scs
}

find_missing
if [ ${#debian[@]} -gt 0 ]; then
  command_exists apt-get || { say_what_is_missing; exit 1; }
  install_missing
  find_missing
  [ ${#debian[@]} -eq 0 ] || { say_what_is_missing; exit 1; }
fi
if [ "$purpose" = bench ]; then
  python_for_benchmarks || install_python_modules
  for python in "$bench_python" python3; do
    if command_exists "$python"; then break; fi
  done
  (cd / && "$python" -c 'import torch') >/dev/null 2>&1 ||
    echo "setup: bench-lmo leaves out torch (200 MB, not installed by itself):" \
      "$python -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
fi
