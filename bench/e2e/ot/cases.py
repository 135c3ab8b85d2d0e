"""The instances of both programs here: which there are, their files, our run on them."""
import dataclasses
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
import common  # found from here on, by this module and by those that import it

CLOUDS = ('gaussian', 'annulus')
WEIGHTS = ('uniform', 'random', 'heavy')


@dataclasses.dataclass(frozen=True)
class Case:
    """n points of either cloud in dimension d."""
    clouds: str
    weights: str
    n: int
    d: int

    def __str__(self):
        return f'{self.clouds} d={self.d} {self.weights} n={self.n}'


def one_of(names):
    """A comma-separated choice of `names`, for argparse."""
    def chosen(text):
        words = text.split(',')
        if unknown := sorted(set(words) - set(names)):
            raise ValueError(f'{unknown} not among {names}')
        return words
    chosen.__name__ = 'choice of ' + ', '.join(names)
    return chosen


def write_files(case, folder):
    """x.npy, y.npy and, unless the weights are uniform, a.npy and b.npy."""
    status, _, complaint, _ = common.python_child(
        HERE / 'instance.py', case.clouds, case.weights, case.n, case.d, folder)
    if status:
        raise SystemExit(f'{case}: {complaint}')


def run_wgamma(command, case, folder, threads, gauge='trace', more=()):
    arguments = [f'{folder}/x.npy', f'{folder}/y.npy', '--gauge', gauge, *more]
    if case.weights != 'uniform':
        arguments += ['--a', f'{folder}/a.npy', '--b', f'{folder}/b.npy']
    return common.wgamma_distance(command, arguments, threads)


def add_common_options(parser, repeat=1, meaning='run everything N times, report the quickest'):
    parser.add_argument('--wgamma', type=os.path.abspath, default=common.WGAMMA, metavar='FILE',
                        help='the command, default build/wgamma')
    parser.add_argument('--repeat', type=int, default=repeat, metavar='N',
                        help=f'{meaning}; default {repeat}')
    parser.add_argument('--out', metavar='FILE', help='write the results there, as JSON')
    parser.add_argument('--markdown', metavar='FILE', help='only print the tables of such a file')


def open_results(options):
    """Results without an instance yet; says on which machine they will be."""
    facts = common.machine()
    print('\n'.join(common.machine_lines(facts)), file=sys.stderr, flush=True)
    return {'complete': False, 'machine': facts, 'repeat': options.repeat, 'instances': []}


def keep(results, options, case, runs):
    """Adds an instance, and says so: a long benchmark that is stopped leaves what it has."""
    results['instances'].append({**dataclasses.asdict(case), 'runs': runs})
    if options.out:
        common.write_results(options.out, results)
    words = [f'{name} {common.figure(run["seconds"])} s' if 'seconds' in run
             else f'{name} {run["outcome"]}' for name, run in runs.items()]
    print(f'{case}: ' + ', '.join(words), file=sys.stderr, flush=True)


def close_results(results, options):
    results['complete'] = True
    if options.out:
        common.write_results(options.out, results)


def head(results, counted='the quickest'):
    """What stands above the tables."""
    repeat, lines = results['repeat'], common.machine_lines(results['machine'])
    lines += [f'- {counted} of {repeat} runs'] if repeat > 1 else []
    lines += [] if results['complete'] else ['- INCOMPLETE: the benchmark was stopped']
    return '\n'.join(lines)
