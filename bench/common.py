"""What benchmarks share: the machine they ran on, measured children, result files, tables.

Standard library only, and nothing large is ever loaded here: a child's peak memory, as the system
counts it, is at least that of the process which started it.
"""
import datetime
import json
import math
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
WGAMMA = ROOT / 'build' / 'wgamma'
SOURCES = ('CMakeLists.txt', 'cli', 'cmake', 'include', 'src')
# Both sides call BLAS from within; its own threads would make "one thread" untrue.
ONE_BLAS_THREAD = {'OPENBLAS_NUM_THREADS': '1'}
RSS_UNIT = 1 if sys.platform == 'darwin' else 1024


def measured(command, variables):
    """(exit status, standard output, standard error, peak resident bytes) of a child process."""
    with tempfile.TemporaryFile('w+') as complaint:
        child = subprocess.Popen([str(word) for word in command], cwd=ROOT, text=True,
                                 env={**os.environ, **variables}, stdout=subprocess.PIPE,
                                 stderr=complaint)
        try:
            with child.stdout:
                text = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        child.returncode = os.waitstatus_to_exitcode(status)
        complaint.seek(0)
        return child.returncode, text, complaint.read().strip(), usage.ru_maxrss * RSS_UNIT


def printed(command):
    """What a command prints; "" when there is no such command or it fails."""
    try:
        status, text, _, _ = measured(command, {'LC_ALL': 'C'})
    except OSError:
        return ''
    return text.strip() if status == 0 else ''


def python_child(program, *arguments, variables=None):
    """measured() of one of our own programs, under this interpreter."""
    return measured([sys.executable, '-B', program, *arguments],
                    {**ONE_BLAS_THREAD, **(variables or {})})


def limited_child(limit, program, *arguments):
    """What one of our programs prints about a solve of a peer, on one thread.

    The program ends itself by SIGALRM when the solve takes more than `limit` seconds.
    """
    status, text, complaint, resident = python_child(program, *arguments,
                                                     variables={'OMP_NUM_THREADS': '1'})
    if status == -signal.SIGALRM:
        return {'outcome': f'> {limit:g} s', 'limit_seconds': limit}
    if status:
        return {'outcome': f'failed: {(complaint.splitlines() or [f"status {status}"])[-1]}'}
    return {**json.loads(text), 'process_bytes': resident}


def wgamma_distance(command, arguments, threads):
    """One run of `wgamma distance`: its own figures, and the peak memory of the whole process."""
    status, text, complaint, resident = measured(
        [command, 'distance', *arguments, '--json', '-', '--quiet', '--threads', threads],
        ONE_BLAS_THREAD)
    if status not in (0, 1) or not text:
        raise SystemExit(f'{command}: exit status {status}: {complaint}')
    report = json.loads(text)
    keys = ('outcome', 'seconds', 'peak_bytes', 'oracle_calls', 'pivots')
    figures = {key: report[key] for key in keys}
    return {**figures, **report['w2'], 'process_bytes': resident}


def best_of(count, run):
    """The quickest of `count` runs, with the seconds of all; no second try for one without any."""
    runs = []
    while len(runs) < count and all('seconds' in done for done in runs):
        runs.append(run())
    timed = [done for done in runs if 'seconds' in done]
    if not timed:
        return runs[-1]
    quickest = min(timed, key=lambda done: done['seconds'])
    return {**quickest, 'all_seconds': [done['seconds'] for done in timed]}


def median_of(runs):
    """The run of median time, with the seconds of all; of an even number, the quicker of two."""
    runs = sorted(runs, key=lambda done: done['seconds'])
    return {**runs[(len(runs) - 1) // 2], 'all_seconds': [done['seconds'] for done in runs]}


def commit():
    name = printed(['git', 'rev-parse', '--short=12', 'HEAD'])
    changed = printed(['git', '--no-optional-locks', 'status', '--porcelain', '--', *SOURCES])
    return (name or 'unknown') + (' with changes' if changed else '')


def processor():
    """Model, family and model number, widest vector unit: virtual machines hide the first."""
    fields = dict(line.split(':', 1) for line in printed(['lscpu']).splitlines() if ':' in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = fields.get('Flags', '').split()
    vectors = next((unit for unit in ('avx512f', 'avx2') if unit in flags), 'neither AVX-512 nor 2')
    return (f'{fields.get("Model name", "unknown")} (family {fields.get("CPU family", "?")}, '
            f'model {fields.get("Model", "?")}, {vectors})')


def machine():
    """All a reader needs to judge or repeat the figures."""
    program = pathlib.Path(__file__).with_name('environment.py')
    status, text, complaint, _ = python_child(program)
    if status:
        raise SystemExit(f'{complaint}\nscripts/setup.sh bench installs numpy, POT and CVXPY')
    return {
        'cpu': processor(), 'cores': os.cpu_count(), 'system': platform.platform(),
        'load': round(os.getloadavg()[0], 2), **json.loads(text), 'commit': commit(),
        'OPENBLAS_CORETYPE': os.environ.get('OPENBLAS_CORETYPE', 'not set'),
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
    }


def machine_lines(facts):
    return [
        f'- {facts["cpu"]}, {facts["cores"]} cores, load {facts["load"]} before the first run, '
        f'{facts["system"]}',
        f'- OpenBLAS core: {facts["openblas_system"]} (wgamma), {facts["openblas_numpy"]} (numpy); '
        f'OPENBLAS_CORETYPE {facts["OPENBLAS_CORETYPE"]}, OPENBLAS_NUM_THREADS 1',
        f'- wgamma {facts["commit"]}, POT {facts["pot"]}, numpy {facts["numpy"]}, {facts["date"]}',
    ]


def results_text(results):
    """JSON with a line for every instance: a figure that changes, changes that line."""
    head = json.dumps({key: value for key, value in results.items() if key != 'instances'})
    lines = ',\n'.join(json.dumps(instance) for instance in results['instances'])
    return f'{head[:-1]},\n"instances": [\n{lines}\n]}}\n'


def write_results(path, results):
    """Replaces the file in one step: it is the old one or the new one, whatever happens."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix='.part')
    try:
        with os.fdopen(handle, 'w', encoding='utf-8') as file:
            file.write(results_text(results))
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def read_results(path):
    return json.loads(pathlib.Path(path).read_text('utf-8'))


def numbers(text):
    """'1000,2000' as a list, for argparse."""
    return [int(word) for word in text.split(',')]


def figure(value):
    """Three digits, fewer would hide and more would pretend."""
    return f'{value:.3g}' if value < 100 else f'{value:.0f}'


def seconds_cell(run):
    """As a cell; a run past its limit or a failed one says so instead."""
    if run is None:
        return '-'
    return figure(run['seconds']) if 'seconds' in run else run['outcome'].split(':')[0]


def ratio_cell(theirs, ours, key='seconds'):
    """theirs / ours as a cell. What a peer's limit proves, is a lower bound of the ratio."""
    if theirs is not None and key in theirs:
        return figure(theirs[key] / ours[key])
    if theirs is not None and key == 'seconds' and 'limit_seconds' in theirs:
        return f'> {math.floor(theirs["limit_seconds"] / ours[key])}'
    return '-'


def megabytes(count):
    return figure(count / 1e6)


def table(header, rows):
    """A Markdown table that can be read as it is: words to the left, figures to the right."""
    lines = [list(map(str, header))] + [list(map(str, row)) for row in rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    words = [any(line[k][:1].isalpha() for line in lines[1:]) for k in range(len(header))]

    def row_text(cells):
        return '| ' + ' | '.join(cell.ljust(width) if word else cell.rjust(width)
                                 for cell, width, word in zip(cells, widths, words)) + ' |'

    rule = '|' + '|'.join(' ' + '-' * width + (' ' if word else ':')
                          for width, word in zip(widths, words)) + '|'
    return '\n'.join([row_text(lines[0]), rule, *map(row_text, lines[1:])])
