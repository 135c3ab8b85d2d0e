"""The library that is tested: WGAMMA_LIBRARY, or build/libwgamma.so of this tree."""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
if not os.environ.get('WGAMMA_INSTALLED'):
    sys.path.insert(0, str(ROOT / 'python'))
    os.environ.setdefault('WGAMMA_LIBRARY', str(ROOT / 'build' / 'libwgamma.so'))
