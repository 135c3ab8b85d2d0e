#!/usr/bin/env python3
"""Exact transport against POT: time, memory, and whether the values agree.

    run.py [--sizes 1000,2000] [--dims 2,3] [--weights uniform] [--clouds gaussian] [--no-lazy]
           [--pot-limit 120] [--repeat 1] [--out results/compare.json]
    run.py --markdown results/compare.json

On every instance, one after the other: wgamma with one and with two threads, POT's dense and lazy
network simplex with one. Time is that of the solve: ours includes the certificate, POT's leaves out
the cost matrix. POT's value has to lie in our interval, widened by 1e-9 relative, and ours must not
depend on the threads; the exit status is 1 otherwise.
"""
import argparse
import statistics
import sys
import tempfile

import cases
from common import (best_of, figure, limited_child, megabytes, numbers, ratio_cell, read_results,
                    seconds_cell, table)

TOLERANCE = 1e-9
HEAVY_DIMENSION = 10
THREADS = (1, 2)


def all_cases(options):
    """In the order of the tables. Heavy-tailed weights are asked for in one dimension only."""
    return [cases.Case(clouds, weights, n, d)
            for clouds in options.clouds for d in options.dims for weights in options.weights
            for n in options.sizes if weights != 'heavy' or d == HEAVY_DIMENSION]


def run_pot(kind, folder, limit):
    """One solve by POT in a process of its own."""
    run = limited_child(limit, cases.HERE / 'pot.py', kind, folder, limit)
    if 'seconds' in run and run['outcome'] != 'optimal':  # not those of a whole solve
        run['stopped_after'] = run.pop('seconds')
    return run


def run_case(case, options):
    """The runs of one instance, by name."""
    with tempfile.TemporaryDirectory() as folder:
        cases.write_files(case, folder)
        runs = {f'wgamma-{threads}': best_of(options.repeat, lambda count=threads: cases.run_wgamma(
            options.wgamma, case, folder, count)) for threads in THREADS}
        for kind in ['dense'] if options.no_lazy else ['dense', 'lazy']:
            runs[f'pot-{kind}'] = best_of(options.repeat, lambda name=kind: run_pot(
                name, folder, options.pot_limit))
    return runs


def disagreements(instance):
    """Sentences on what must not be."""
    runs, place = instance['runs'], cases.Case(**{k: v for k, v in instance.items() if k != 'runs'})
    ours = runs['wgamma-1']
    found = [f'{place}: {name} is {runs[name]["outcome"]}' for name in runs
             if name.startswith('wgamma') and runs[name]['outcome'] != 'certified']
    if any(ours[end] != runs['wgamma-2'][end] for end in ('lower', 'upper')):
        found.append(f'{place}: the interval depends on the threads')
    margin = TOLERANCE * ours['upper']
    for name, run in runs.items():
        if 'seconds' in run and 'value' in run and not (
                ours['lower'] - margin <= run['value'] <= ours['upper'] + margin):
            found.append(f'{place}: {name} {run["value"]!r} is outside of '
                         f'[{ours["lower"]!r}, {ours["upper"]!r}]')
    return found


def memory(run):
    return megabytes(run['peak_bytes']) if run and 'peak_bytes' in run else '-'


def place_cells(instance):
    return [instance[key] for key in ('clouds', 'd', 'weights', 'n')]


def time_table(instances):
    rows = []
    for instance in instances:
        runs = instance['runs']
        one, two, dense = runs['wgamma-1'], runs['wgamma-2'], runs['pot-dense']
        lazy, cost = runs.get('pot-lazy'), dense.get('cost_seconds')
        rows.append(place_cells(instance) + [
            seconds_cell(dense), '-' if cost is None else figure(cost), seconds_cell(lazy),
            seconds_cell(one), seconds_cell(two), ratio_cell(dense, one), ratio_cell(lazy, one),
            ratio_cell(dense, two), f'{one["gap"]:.0e}'])
    return table(['clouds', 'd', 'weights', 'n', 'POT dense s', 'its matrix s', 'POT lazy s',
                  'wgamma s', '2 threads s', 'dense / wgamma', 'lazy / wgamma',
                  'dense / 2 threads', 'gap'], rows)


def memory_table(instances):
    rows = []
    for instance in instances:
        runs = instance['runs']
        ours, dense, lazy = runs['wgamma-1'], runs['pot-dense'], runs.get('pot-lazy')
        rows.append(place_cells(instance) + [
            memory(dense), memory(lazy), memory(ours), ratio_cell(dense, ours, 'peak_bytes'),
            ratio_cell(lazy, ours, 'peak_bytes')])
    return table(['clouds', 'd', 'weights', 'n', 'POT dense MB', 'POT lazy MB', 'wgamma MB',
                  'dense / wgamma', 'lazy / wgamma'], rows)


def known_ratio(instance):
    """POT dense / wgamma, one thread each; a limit counts as the time it stands for at least."""
    dense = instance['runs']['pot-dense']
    time = dense.get('seconds', dense.get('limit_seconds'))
    return None if time is None else time / instance['runs']['wgamma-1']['seconds']


def summary_table(instances):
    """The least and the median ratio of every size."""
    rows = []
    for n in sorted({instance['n'] for instance in instances}):
        for name, easy in (('uniform, d <= 10', True), ('all others', False)):
            ratios = [known_ratio(one) for one in instances
                      if one['n'] == n and easy == (one['weights'] == 'uniform' and one['d'] <= 10)]
            ratios = [value for value in ratios if value is not None]
            if ratios:
                rows.append([name, n, len(ratios), figure(min(ratios)),
                             figure(statistics.median(ratios))])
    return table(['instances', 'n', 'count', 'least dense / wgamma', 'median'], rows)


def tables(results):
    instances = results['instances']
    return '\n\n'.join([
        cases.head(results),
        f'Ratios of time, one thread each; past its limit of {results["pot_limit"]:g} s POT counts '
        'with the limit:', summary_table(instances),
        'Seconds of the solve:', time_table(instances),
        'Memory that the solve adds:', memory_table(instances)])


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--sizes', type=numbers, default=[1000, 2000, 4000, 8000])
    parser.add_argument('--dims', type=numbers, default=[2, 3, 10, 50])
    parser.add_argument('--weights', type=cases.one_of(cases.WEIGHTS), default=cases.WEIGHTS,
                        help=f'of {", ".join(cases.WEIGHTS)} (d = {HEAVY_DIMENSION} only)')
    parser.add_argument('--clouds', type=cases.one_of(cases.CLOUDS), default=cases.CLOUDS,
                        help=f'of {", ".join(cases.CLOUDS)}')
    parser.add_argument('--no-lazy', action='store_true', help='leave out the lazy solver of POT')
    parser.add_argument('--pot-limit', type=float, default=120, metavar='S',
                        help='seconds for a solve of POT; default 120')
    cases.add_common_options(parser)
    return parser.parse_args()


def main():
    options = parse_options()
    if options.markdown:
        print(tables(read_results(options.markdown)))
        return 0
    if not all_cases(options):
        raise SystemExit(f'no instance is left: heavy weights want d = {HEAVY_DIMENSION}')
    results = {**cases.open_results(options), 'pot_limit': options.pot_limit}
    for case in all_cases(options):
        cases.keep(results, options, case, run_case(case, options))
    cases.close_results(results, options)
    print('\n' + tables(results))
    wrong = [line for instance in results['instances'] for line in disagreements(instance)]
    print('\n' + '\n'.join(wrong + [f'{len(wrong)} disagreements']))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
