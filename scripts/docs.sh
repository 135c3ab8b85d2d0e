#!/usr/bin/env bash
# Builds the site of docs/ with Sphinx: pages, the Python interface, and the gallery, which is run.
#
#   scripts/docs.sh FOLDER LIBRARY     FOLDER/html is the site; LIBRARY the shared library to use
#
# The pages are copied first: the gallery writes beside its sources. Warnings are errors.
set -euo pipefail

folder=${1:?usage: docs.sh FOLDER LIBRARY}
library=${2:?usage: docs.sh FOLDER LIBRARY}
root=$(cd "$(dirname "$0")/.." && pwd)

for python in python3 /usr/bin/python3; do
  "$python" -c 'import sphinx, myst_parser, sphinx_gallery, matplotlib, numpy' 2>/dev/null && break
  python=
done
if [ -z "$python" ]; then
  echo "docs.sh: no Python has sphinx, myst_parser, sphinx_gallery and matplotlib: skipped" >&2
  echo "docs.sh: scripts/setup.sh installs them where there is apt-get" >&2
  exit 77
fi

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
library=$(cd "$(dirname "$library")" && pwd)/$(basename "$library")
rm -rf "$folder/docs" "$folder/html"
cp -r "$root/docs" "$folder/docs"
for place in include examples bench src tests scripts python; do
  ln -sfn "$root/$place" "$folder/$place"
done
export WGAMMA_LIBRARY=$library PYTHONPATH=$root/python MPLBACKEND=Agg PYTHONDONTWRITEBYTECODE=1
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
"$python" -m sphinx -q -W --keep-going -b html "$folder/docs" "$folder/html"
echo "$folder/html/index.html"
