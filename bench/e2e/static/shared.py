"""What the parts of this benchmark share: clouds and result files of e2e/ot, median runs of ours.

Imported before any other module: it says where those of e2e/ot and bench are.
"""
import dataclasses
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'ot'))
import cases  # found from here on, and through it common
import common


@dataclasses.dataclass(frozen=True)
class Case:
    """A gauge between n points of either cloud in dimension d."""
    part: str
    clouds: str
    weights: str
    n: int
    d: int
    gauge: str

    def __str__(self):
        return f'{self.part}: {self.clouds} d={self.d} {self.weights} n={self.n} {self.gauge}'


def place(instance):
    """The case of an instance of a result file, to name it in a sentence."""
    return Case(**{field.name: instance[field.name] for field in dataclasses.fields(Case)})


def on_files(case, run):
    """What run(folder) returns, with the clouds of the case in that folder."""
    with tempfile.TemporaryDirectory() as folder:
        cases.write_files(case, folder)
        return run(folder)


def ours(case, folder, options, wanted):
    """The median runs of wgamma with one thread; `wanted` maps names to (gauge, tolerance).

    In rounds over all of them: what the machine does meanwhile, it does to all of them.
    """
    rounds = [{name: {**cases.run_wgamma(options.wgamma, case, folder, 1, gauge, ['--tol', tol]),
                      'tol': float(tol)}
               for name, (gauge, tol) in wanted.items()} for _ in range(options.repeat)]
    return {name: common.median_of([done[name] for done in rounds]) for name in wanted}


def unfinished(instance):
    """Sentences on runs of ours that did not reach what was asked, and on peers that do not run."""
    runs = instance['runs'].items()
    return [f'{place(instance)}: {name} is {run["outcome"]} with a gap of {run["gap"]:.1e}'
            for name, run in runs if name.startswith('wgamma') and run['outcome'] != 'certified'
            ] + [f'{place(instance)}: {name} {run["outcome"]}'
                 for name, run in runs if run['outcome'].startswith('failed')]


def distance(value, run):
    """How far a value is outside of our interval, relative to it."""
    return max(run['lower'] - value, value - run['upper'], 0.0) / run['upper']


def power(value):
    """A gap or an error as a cell."""
    return '-' if value is None else f'{value:.0e}' if value else '0'
