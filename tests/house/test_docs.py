"""Pages that point somewhere point at something.

Relative links in every page lead to files; "theory 3.2" in code and pages names a numbered heading
of docs/theory/theory.md; functions that the theory pages name exist in the sources.
"""
import re
import sys

import source

LINK = re.compile(r'\]\(([^)#\s]+)')
CITATION = re.compile(r'\btheory (\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?')
HEADING = re.compile(r'^##+ (\d+(?:\.\d+)?)\.? ', re.M)
NAMED = re.compile(r'`(wg_\w+|[a-z]+(?:_[a-z0-9]+)+)`')


def pages():
    return sorted(path for path in source.ROOT.rglob('*.md')
                  if not path.relative_to(source.ROOT).parts[0].startswith(('build', '.')))


def check_links():
    return [f'{page.relative_to(source.ROOT)}: {link} does not exist' for page in pages()
            for link in LINK.findall(page.read_text('utf-8'))
            if '://' not in link and not (page.parent / link).exists()]


def check_citations():
    headings = set(HEADING.findall((source.ROOT / 'docs/theory/theory.md').read_text('utf-8')))
    problems = [] if headings else ['docs/theory/theory.md has no numbered headings']
    for path in source.c_files(source.ROOT, 'src', 'cli', 'include', 'tests') + pages():
        for ends in CITATION.findall(path.read_text('utf-8')):
            problems += [f'{path.relative_to(source.ROOT)}: theory {end} is no section'
                         for end in ends if end and end not in headings]
    return problems


def check_names():
    code = '\n'.join(path.read_text('utf-8')
                     for path in source.c_files(source.ROOT, 'src', 'include', 'tests'))
    known = set(re.findall(r'\w+', code))
    return [f'{page.relative_to(source.ROOT)}: {name} is not in the sources'
            for folder in ('theory', 'dev')
            for page in sorted((source.ROOT / 'docs' / folder).glob('*.md'))
            for name in NAMED.findall(page.read_text('utf-8')) if name not in known]


def main():
    return source.finish('docs', check_links() + check_citations() + check_names())


if __name__ == '__main__':
    sys.exit(main())
