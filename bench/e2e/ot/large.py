#!/usr/bin/env python3
"""Exact transport where a cost matrix takes gigabytes: wgamma alone.

    large.py [--threads 1,2] [--repeat 1] [--out results/large.json]
    large.py --million [--out results/million.json]     a million points in the plane, nothing else
    large.py --large-sizes 300,500,700     the same with other sizes than 20000, 100000, 1000000
    large.py --markdown results/large.json

The exit status is 1 if a run does not end certified, with a gap of at most 1e-9 relative.
"""
import argparse
import sys
import tempfile

import cases
from common import best_of, figure, megabytes, numbers, read_results, table

GAP = 1e-9


def all_cases(options):
    medium, large, million = options.large_sizes
    if options.million:
        return [cases.Case('gaussian', 'uniform', million, 2)]
    chosen = [cases.Case('gaussian', weights, medium, 10) for weights in cases.WEIGHTS]
    chosen += [cases.Case('gaussian', 'uniform', large, d) for d in (2, 3, 10)]
    return chosen


def run_case(case, options):
    with tempfile.TemporaryDirectory() as folder:
        cases.write_files(case, folder)
        return {f'wgamma-{threads}': best_of(options.repeat, lambda count=threads: cases.run_wgamma(
            options.wgamma, case, folder, count)) for threads in options.threads}


def tables(results):
    rows = [[instance['n'], instance['d'], instance['weights'], name.split('-')[1],
             figure(run['seconds']), megabytes(run['peak_bytes']), megabytes(run['process_bytes']),
             f'{run["gap"]:.0e}', run['outcome']]
            for instance in results['instances'] for name, run in instance['runs'].items()]
    return cases.head(results) + '\n\n' + table(
        ['n', 'd', 'weights', 'threads', 'seconds', 'solve MB', 'process MB', 'gap', 'outcome'],
        rows)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--million', action='store_true', help='a million points, d = 2, alone')
    parser.add_argument('--large-sizes', type=numbers, default=[20000, 100000, 1000000],
                        metavar='N,N,N', help='in the place of 20000,100000,1000000')
    parser.add_argument('--threads', type=numbers, default=[1, 2], help='default: 1,2')
    cases.add_common_options(parser)
    options = parser.parse_args()
    if len(options.large_sizes) != 3:
        parser.error('--large-sizes takes three sizes')
    return options


def main():
    options = parse_options()
    if options.markdown:
        print(tables(read_results(options.markdown)))
        return 0
    results = cases.open_results(options)
    for case in all_cases(options):
        cases.keep(results, options, case, run_case(case, options))
    cases.close_results(results, options)
    print('\n' + tables(results))
    good = all(run['outcome'] == 'certified' and run['gap'] <= GAP
               for instance in results['instances'] for run in instance['runs'].values())
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
