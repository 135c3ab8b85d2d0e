"""C sources as the house tests read them: which files there are, their text without comments."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _blank(match):
    """As many newlines as the token had, so that line numbers stay."""
    return '\n' * match.group().count('\n') if match.group()[0] == '/' else '""'


def without_comments(text):
    """The code alone: comments gone, every string and character literal empty."""
    return _TOKEN.sub(_blank, text)


def c_files(root, *folders):
    return sorted(path for folder in folders for path in (root / folder).rglob('*.[ch]'))


def finish(name, problems):
    """Prints what is wrong, a line each, and gives the exit status."""
    for problem in problems:
        print(problem)
    print(f'{name}: {len(problems)} problems')
    return 1 if problems else 0
