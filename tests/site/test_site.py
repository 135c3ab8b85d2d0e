#!/usr/bin/env python3
"""Builds the site as `make docs` does, and looks at what came out.

    test_site.py FOLDER LIBRARY

Sphinx checks links between pages, but not every address in what it writes. Here every one inside
the site leads to a file and to a place in it, every program of the gallery has a page with a
figure, and everything the package exports is described.
"""
import pathlib
import re
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r'\b(?:href|src)="([^"]+)"')
PLACE = re.compile(r'\b(?:id|name)="([^"]+)"')
ELSEWHERE = ('http:', 'https:', 'data:', 'mailto:')


def broken_links(out):
    pages = {page.resolve(): page.read_text('utf-8') for page in out.rglob('*.html')}
    places = {page: set(PLACE.findall(text)) for page, text in pages.items()}
    problems = [] if len(pages) > 30 else [f'only {len(pages)} pages']
    for page, text in pages.items():
        for address in set(ADDRESS.findall(text)):
            if address.startswith(ELSEWHERE):
                continue
            path, _, place = urllib.parse.unquote(address).partition('#')
            target = (page.parent / path.partition('?')[0]).resolve() if path else page
            if not target.exists():
                problems.append(f'{page.relative_to(out)}: {address} does not exist')
            elif place and target in places and place not in places[target]:
                problems.append(f'{page.relative_to(out)}: {address} has no such place')
    return problems


def gallery(out):
    programs = sorted((ROOT / 'docs' / 'gallery').glob('plot_*.py'))
    problems = [] if programs else ['the gallery has no programs']
    for program in programs:
        page = out / 'examples' / (program.stem + '.html')
        text = page.read_text('utf-8') if page.exists() else ''
        if f'sphx_glr_{program.stem}_001.png' not in text:
            problems.append(f'{program.name}: no page with a figure')
    return problems


def functions(out):
    """What the package exports is described."""
    exported = re.search(r'__all__ = \[(.*?)\]', (ROOT / 'python/wgamma/__init__.py').read_text(),
                         re.S).group(1)
    text = (out / 'api.html').read_text('utf-8')
    return [f'api.html: {name} is not described' for name in re.findall(r"'(\w+)'", exported)
            if not re.search(r'id="(module-)?wgamma\.(\w+\.)?%s"' % name, text)]


def main():
    folder, library = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
    status = subprocess.run([ROOT / 'scripts' / 'docs.sh', folder, library]).returncode
    if status:
        return status
    out = folder / 'html'
    problems = broken_links(out) + gallery(out) + functions(out)
    print('\n'.join(problems) or 'docs_site: as it should be')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
