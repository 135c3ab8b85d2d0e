"""What the house asks of the text: line and function lengths, opening comments, folder pages.

Formatting itself is clang-format's business (make lint); here are the rules no formatter knows.
"""
import re
import statistics
import sys

import source

COLUMNS = 100
LONGEST_FUNCTION = 120
LONG_FUNCTION, LONG_SHARE = 60, 0.02
MEDIAN_FUNCTION = 15
README_LINES = 10
# Written so that this line is not found by its own search.
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX|HA' r'CK)\b')
SHIPPED = ['src', 'cli', 'include']
TEXTS = SHIPPED + ['tests', 'examples', 'scripts', 'bench']
ENDINGS = {'.c', '.h', '.py', '.sh', '.cmake', '.txt'}


def functions(text):
    """(name, first line, lines) of every function defined in a C text."""
    code = source.without_comments(text)
    code = re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', _keep_newlines, code, flags=re.M)
    depth, begin, found = 0, 0, []
    for at, char in enumerate(code):
        if char == '{':
            depth += 1
            if depth == 1:
                opening = code[begin:at]
        elif char == '}':
            depth -= 1
            if depth == 0:
                name = re.match(r'(?s).*?\b(\w+)\s*\((?:.*)\)\s*$', _without_attributes(opening))
                if name and '=' not in opening:
                    start = begin + len(opening) - len(opening.lstrip())
                    first = code.count('\n', 0, start) + 1
                    found.append((name.group(1), first, code.count('\n', start, at) + 1))
                begin = at + 1
        elif char == ';' and depth == 0:
            begin = at + 1
    return found


def _keep_newlines(match):
    return '\n' * match.group().count('\n')


def _without_attributes(text):
    return re.sub(r'__attribute__\s*\(\(.*?\)\)(?=\s)', '', text, flags=re.S)


def text_files():
    for folder in TEXTS:
        for path in sorted((source.ROOT / folder).rglob('*')):
            if path.is_file() and path.suffix in ENDINGS and 'corpus' not in path.parts:
                yield path


def check_lines():
    problems = []
    for path in text_files():
        place = path.relative_to(source.ROOT)
        for number, line in enumerate(path.read_text('utf-8').split('\n'), 1):
            if len(line) > COLUMNS and path.suffix != '.txt':
                problems.append(f'{place}:{number}: {len(line)} columns, {COLUMNS} are allowed')
            if UNFINISHED.search(line):
                problems.append(f'{place}:{number}: unfinished: {line.strip()}')
    return problems


def check_functions():
    problems, lengths = [], []
    for path in source.c_files(source.ROOT, 'src', 'cli', 'tests', 'examples'):
        place = path.relative_to(source.ROOT)
        for name, line, length in functions(path.read_text('utf-8')):
            if length > LONGEST_FUNCTION:
                problems.append(f'{place}:{line}: {name} has {length} lines')
            if place.parts[0] in SHIPPED:
                lengths.append(length)
    long = sum(length > LONG_FUNCTION for length in lengths)
    median = statistics.median(lengths) if lengths else 0
    print(f'{len(lengths)} functions, median {median} lines, {long} above {LONG_FUNCTION}, '
          f'longest {max(lengths, default=0)}')
    if not lengths or long > LONG_SHARE * len(lengths):
        problems.append(f'{long} of {len(lengths)} functions have more than {LONG_FUNCTION} lines')
    if median > MEDIAN_FUNCTION:
        problems.append(f'the median function has {median} lines, more than {MEDIAN_FUNCTION}')
    return problems


def check_openings():
    """Each C file opens with a comment that says what it is."""
    files = source.c_files(source.ROOT, *SHIPPED, 'tests', 'examples')
    return [f'{path.relative_to(source.ROOT)}:1: no opening comment' for path in files
            if not path.read_text('utf-8').startswith('/*')]


def check_pages():
    problems = []
    folders = [path for path in sorted((source.ROOT / 'src').iterdir())
               if path.is_dir() and any(path.glob('*.c'))]
    for folder in folders + [source.ROOT / name for name in ('cli', 'tests', 'docs')]:
        page, place = folder / 'README.md', folder.relative_to(source.ROOT)
        lines = page.read_text('utf-8').strip().count('\n') + 1 if page.is_file() else 0
        if not 1 <= lines <= README_LINES:
            problems.append(f'{place}/README.md has {lines} lines, not 1 to {README_LINES}')
    return problems


# (text, what functions() has to see)
KNOWN = [
    ('int f(void) { return 0; }', [('f', 1, 1)]),
    ('/* { */\nstatic int f(int a,\n             int b) {\n  if (a) {\n  }\n  return b;\n}\n',
     [('f', 2, 6)]),
    ('struct s {\n  int a;\n};\nenum { A, B };\nconst int t[] = {1, 2};\n', []),
    ('__attribute__((format(printf, 1, 2))) void say(const char *text, ...) {\n}\n',
     [('say', 1, 2)]),
    ('#define X(a) \\\n  do { a; \\\n  } while (0)\nint g(char c) {\n  return c == \'{\';\n}\n',
     [('g', 4, 3)]),
]


def main():
    problems = [f'functions() misreads {text!r}' for text, seen in KNOWN if functions(text) != seen]
    problems += check_lines() + check_functions() + check_openings() + check_pages()
    return source.finish('style', problems)


if __name__ == '__main__':
    sys.exit(main())
