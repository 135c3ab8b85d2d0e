#!/usr/bin/env python3
"""Polar factors of weight matrices and of batches, against torch where it is installed.

    run.py [--parts weight,batch] [--repeat 7] [--threads 1] [--out results/compare.json]
    run.py --markdown results/compare.json

Medians of runs in turn within one process a case (timing.py). Weight matrices are timed in
milliseconds and in units of one product of the short square with G; batches in microseconds a
matrix. What was aimed at stands beside what was reached.
"""
import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
import common

# count (0: one matrix), rows, columns, type
WEIGHT = [(0, 256, 256, 'float32'), (0, 1024, 1024, 'float32'), (0, 1024, 4096, 'float32'),
          (0, 2048, 2048, 'float32')]
BATCH = [(16384, 8, 8, 'float32'), (8192, 16, 16, 'float32'), (2048, 32, 32, 'float32'),
         (512, 64, 64, 'float32'), (8192, 16, 16, 'float64'), (2048, 64, 16, 'float32')]
PARTS = {'weight': WEIGHT, 'batch': BATCH}
WAYS = ('exact', 'quintic', 'quintic_plain', 'express', 'torch', 'torch_bf16')
TITLES = {'exact': 'exact', 'quintic': 'quintic', 'quintic_plain': 'quintic, no Gram form',
          'express': 'Polar Express 8', 'torch': 'torch quintic', 'torch_bf16': 'torch, bf16'}


def quintic_limit(one):
    """Seconds of the flops of five symmetric steps without Gram form, at the pace of a product."""
    n, d = max(one['n'], one['d']), min(one['n'], one['d'])
    return one['seconds']['product'] * 5 * (3 * n * d * d + d**3) / (2 * n * d * d)


def ratio(one, above, below):
    s = one['seconds']
    return s[above] / s[below] if above in s and below in s else None


def aims(one):
    """(what, reached, aim): a ratio that should be at least, or with <= at most, the aim."""
    shape = one['n'], one['d']
    if one['count']:
        small = one['dtype'] == 'float32' and max(shape) <= 32
        return [('torch / quintic', ratio(one, 'torch', 'quintic'), '>= 5')] if small else []
    found = [('flop limit / quintic, no Gram form',
              quintic_limit(one) / one['seconds']['quintic_plain'], '>= 0.8')]
    if shape == (1024, 4096):
        found += [('torch / exact', ratio(one, 'torch', 'exact'), '>= 2.5'),
                  ('torch bf16 / exact', ratio(one, 'torch_bf16', 'exact'), '>= 1.4')]
    if shape == (2048, 2048):
        found.append(('exact / torch bf16', ratio(one, 'exact', 'torch_bf16'), '<= 1.3'))
    return found


def label(one):
    size = f'{one["dtype"]} {one["n"]} x {one["d"]}'
    return f'{one["count"]} of {size}' if one['count'] else size


def cell(one, name):
    seconds = one['seconds'].get(name)
    if seconds is None:
        return '-'
    if one['count']:
        return common.figure(1e6 * seconds / one['count'])
    units = seconds / one['seconds']['product']
    return f'{common.figure(1e3 * seconds)} ({common.figure(units)})'


def spread_cell(one, name):
    if name not in one['singular']:
        return '-'
    least, largest = one['singular'][name]
    return f'{least:.3f} .. {largest:.3f}'


def timings(instances, ways, first):
    rows = [[label(one)] + [cell(one, name) for name in ways] for one in instances]
    return common.table([first] + [TITLES[name] for name in ways], rows)


def tables(results):
    instances = results['instances']
    torch = next((one['torch'] for one in instances if one['torch']), 'not installed')
    blocks = ['\n'.join(common.machine_lines(results['machine']) +
                        [f'- torch {torch}; {results["threads"]} thread(s), median of '
                         f'{results["repeat"]}'])]
    weight = [one for one in instances if not one['count']]
    batch = [one for one in instances if one['count']]
    if weight:
        blocks.append(timings(weight, WAYS, 'ms (in products)'))
    if batch:
        blocks.append(timings(batch, [way for way in WAYS if way != 'quintic_plain'],
                              'us a matrix'))
    rows = [[label(one)] + [spread_cell(one, name) for name in WAYS] for one in instances]
    blocks.append(common.table(['singular values'] + [TITLES[name] for name in WAYS], rows))
    rows = [[label(one), what, '-' if reached is None else common.figure(reached), aim]
            for one in instances for what, reached, aim in aims(one)]
    if rows:
        blocks.append(common.table(['matrix', 'ratio', 'reached', 'aim'], rows))
    return '\n\n'.join(blocks)


def run_case(case, options):
    threads = {name: str(options.threads) for name in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS')}
    status, text, complaint, resident = common.python_child(
        HERE / 'timing.py', *case, options.repeat, options.threads, variables=threads)
    if status:
        raise SystemExit(complaint)
    count, n, d, dtype = case
    return {'count': count, 'n': n, 'd': d, 'dtype': dtype, **json.loads(text),
            'process_bytes': resident}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--parts', type=lambda text: text.split(','), default=list(PARTS),
                        help='of weight, batch; default: both')
    parser.add_argument('--repeat', type=int, default=7, help='runs that count; default 7')
    parser.add_argument('--threads', type=int, default=1, help='of everything; default 1')
    parser.add_argument('--out', type=pathlib.Path, help='the JSON file of results')
    parser.add_argument('--markdown', metavar='FILE', help='prints the tables of a file')
    options = parser.parse_args()
    if options.markdown:
        print(tables(common.read_results(options.markdown)))
        return
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f'{sorted(unknown)} not among {list(PARTS)}')
    results = {'machine': common.machine(), 'repeat': options.repeat, 'threads': options.threads,
               'instances': []}
    for case in [case for part in options.parts for case in PARTS[part]]:
        results['instances'].append(run_case(case, options))
        if options.out:
            common.write_results(options.out, results)
    print(tables(results))


if __name__ == '__main__':
    main()
