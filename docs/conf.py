"""The site: the pages of this folder, the Python interface, and a gallery run at build time.

Built by scripts/docs.sh, which copies this folder first: the gallery writes beside its sources."""
import re

import wgamma

project = 'wgamma'
author = copyright = 'the wgamma authors'
version = release = wgamma.__version__
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx_gallery.gen_gallery']
root_doc = 'index'
exclude_patterns = ['README.md', 'dev/README.md', 'gallery/*']
html_theme = 'alabaster'
html_theme_options = {'description': 'Spectral Wasserstein distances and flows, certified',
                      'fixed_sidebar': True, 'page_width': '1080px'}
html_title = f'wgamma {version}'
myst_heading_anchors = 3
napoleon_use_ivar = True
autodoc_member_order = 'bysource'
try:
    import torch  # noqa: F401
except ImportError:  # its docstrings can be shown all the same
    autodoc_mock_imports = ['torch']
autodoc_default_options = {'members': True, 'show-inheritance': True}
sphinx_gallery_conf = {
    'examples_dirs': 'gallery',
    'gallery_dirs': 'examples',
    'filename_pattern': '/',
    'download_all_examples': False,
    'show_memory': False,
    'abort_on_example_error': True,
}


def point_at_sources(app, name, source):
    """Links that leave this folder go to files of the repository, which the site has no pages for:
    they are shown as what they are called."""
    source[0] = re.sub(r'\[([^\]]+)\]\((?:\.\./){1,2}(?:\.\./)?'
                       r'((?:include|examples|bench|src|tests|scripts)/[^)]*)\)', r'\1 (`\2`)', source[0])


def keep_bars(app, what, name, object_, options, lines):
    """|x| in a docstring is an absolute value, no substitution."""
    lines[:] = [line.replace('|', '\\|') for line in lines]


def setup(app):
    app.connect('source-read', point_at_sources)
    app.connect('autodoc-process-docstring', keep_bars)
