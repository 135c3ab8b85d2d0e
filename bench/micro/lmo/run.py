#!/usr/bin/env python3
"""Descent directions and polar factors against NumPy, and torch where it is installed.

    run.py [--repeat 7] [--threads 1] [--out results/compare.json]
    run.py --markdown results/compare.json

Medians of runs in turn within one process a matrix. Tall: against NumPy's Gram matrix and eigh, the
SVD of torch, and a copy (G read and written once; the oracle reads it twice). Weight matrices: in
units of one product of the short square with G.
"""
import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
import common

CASES = [('tall', 2000000, 8, 'float64'), ('tall', 1000000, 16, 'float64'),
         ('tall', 2000000, 8, 'float32'), ('tall', 200000, 64, 'float64'),
         ('tall', 100000, 200, 'float64'), ('weight', 256, 256, 'float32'),
         ('weight', 1024, 1024, 'float32'), ('weight', 1024, 4096, 'float32')]


def milliseconds(seconds, name):
    return common.figure(1e3 * seconds[name]) if name in seconds else '-'


def times(seconds, name, unit):
    return common.figure(seconds[name] / seconds[unit]) if name in seconds else '-'


def tables(results):
    tall = [['matrix', 'wgamma ms', 'NumPy ms', 'torch SVD ms', 'NumPy / wgamma', 'wgamma / copy']]
    weight = [['matrix', 'product ms', 'exact', 'Muon', 'Polar Express 5', 'torch Muon']]
    for one in results['instances']:
        s, name = one['seconds'], f'{one["dtype"]} {one["n"]} x {one["d"]}'
        if one['kind'] == 'tall':
            tall.append([name] + [milliseconds(s, k) for k in ('wgamma', 'numpy', 'torch_svd')] +
                        [times(s, 'numpy', 'wgamma'), times(s, 'wgamma', 'copy')])
        else:
            weight.append([name, milliseconds(s, 'gemm')] +
                          [times(s, k, 'gemm') for k in ('exact', 'muon', 'express', 'torch_muon')])
    blocks = ['\n'.join(common.machine_lines(results['machine']) +
                        [f'- {results["threads"]} thread(s), median of {results["repeat"]}'])]
    blocks += [common.table(rows[0], rows[1:]) for rows in (tall, weight) if len(rows) > 1]
    return '\n\n'.join(blocks)


def run_case(case, options):
    threads = {name: str(options.threads) for name in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS')}
    status, text, complaint, resident = common.python_child(
        HERE / 'timing.py', *case, options.repeat, options.threads, variables=threads)
    if status:
        raise SystemExit(complaint)
    kind, n, d, dtype = case
    return {'kind': kind, 'n': n, 'd': d, 'dtype': dtype, **json.loads(text),
            'process_bytes': resident}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--repeat', type=int, default=7, help='runs that count; default 7')
    parser.add_argument('--threads', type=int, default=1, help='of everything; default 1')
    parser.add_argument('--out', type=pathlib.Path, help='the JSON file of results')
    parser.add_argument('--markdown', metavar='FILE', help='prints the tables of a file')
    options = parser.parse_args()
    if options.markdown:
        print(tables(common.read_results(options.markdown)))
        return
    results = {'machine': common.machine(), 'repeat': options.repeat, 'threads': options.threads,
               'instances': []}
    for case in CASES:
        results['instances'].append(run_case(case, options))
        if options.out:
            common.write_results(options.out, results)
    print(tables(results))


if __name__ == '__main__':
    main()
