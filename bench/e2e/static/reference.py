"""Calls and gaps on the reference clouds, whose values an independent program has bounded."""
import dataclasses
import json
import sys

from shared import power
from common import figure, table, wgamma_distance

NAME = 'reference'
TIGHT, LOOSE, HIGH_DIMENSION = '1e-9', '1e-8', 30
CALLS = 30
ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True)
class Reference:
    """An instance of the reference folder with a gauge and the bounds known of W^2."""
    part: str
    instance: str
    d: int
    gauge: str
    lower: float
    upper: float

    def __str__(self):
        return f'{self.part}: {self.instance} {self.gauge}'


def dimension(name):
    """gauss_n14_m14_d2"""
    return int(name.rpartition('_d')[2])


def all_cases(options):
    values = options.reference / 'clouds' / 'values.json'
    if not values.exists():
        print(f'{NAME}: {values} is absent; name its folder with --reference or WG_REFERENCE',
              file=sys.stderr)
        return []
    return [Reference(NAME, entry['instance'], dimension(entry['instance']), entry['gauge'],
                      entry['lower'], entry['upper'])
            for entry in json.loads(values.read_text('utf-8'))
            if not options.dims or dimension(entry['instance']) in options.dims]


def tolerance(d):
    return LOOSE if d >= HIGH_DIMENSION else TIGHT


def run_case(case, options):
    folder = options.reference / 'clouds' / case.instance
    files = {name: folder / f'{name}.npy' for name in 'xyab'}
    run = wgamma_distance(options.wgamma, [
        files['x'], files['y'], '--a', files['a'], '--b', files['b'], '--gauge', case.gauge,
        '--tol', tolerance(case.d)], 1)
    return {'wgamma': {**run, 'tol': float(tolerance(case.d))}}


def reference_gap(instance):
    return max(instance['upper'] - instance['lower'], 0) / instance['upper']


def aim(instance):
    """The reference's own gap where that is larger, but not in high dimension."""
    tol = instance['runs']['wgamma']['tol']
    return tol if instance['d'] >= HIGH_DIMENSION else max(tol, reference_gap(instance))


def complaints(instance):
    run, found = instance['runs']['wgamma'], []
    place = f'{NAME}: {instance["instance"]} {instance["gauge"]}'
    margin = ROUNDING * instance['upper']
    if run['lower'] > instance['upper'] + margin or instance['lower'] > run['upper'] + margin:
        found.append(f'{place}: [{run["lower"]!r}, {run["upper"]!r}] misses the reference, '
                     f'[{instance["lower"]!r}, {instance["upper"]!r}]')
    if run['gap'] > aim(instance):
        found.append(f'{place}: {run["outcome"]} with a gap of {run["gap"]:.1e}, the aim is '
                     f'{aim(instance):.1e}')
    if run['oracle_calls'] > CALLS:
        found.append(f'{place}: {run["oracle_calls"]} calls, the aim is {CALLS}')
    return found


def case_table(instances):
    return table(['instance', 'gauge', 'calls', 'gap', 'asked', 'gap of the reference', 'seconds',
                  'outcome'], [
        [instance['instance'], instance['gauge'], run['oracle_calls'], power(run['gap']),
         power(run['tol']), power(reference_gap(instance)), figure(run['seconds']), run['outcome']]
        for instance in instances for run in [instance['runs']['wgamma']]])


def tables(instances, results):
    runs = [instance['runs']['wgamma'] for instance in instances]
    certified = sum(run['outcome'] == 'certified' for run in runs)
    within = sum(run['oracle_calls'] <= CALLS for run in runs)
    return (f'{len(runs)} instances: {certified} certified at the tolerance asked, {within} in at '
            f'most {CALLS} calls, the most are {max(run["oracle_calls"] for run in runs)}:\n\n'
            + case_table(instances))
