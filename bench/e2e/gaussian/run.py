#!/usr/bin/env python3
"""Distances of Gaussians: alone, in batches, and against a semidefinite solver (CSDP).

    run.py [--parts single,batch,csdp] [--repeat 3] [--long] [--out results/compare.json]
    run.py --markdown results/compare.json

Every answer of ours is certified at 1e-10. The quickest of `repeat` runs of the solve alone counts,
without start, reading and writing; CSDP's is the time of its whole process, on the same threads.
What was aimed at stands beside what was reached.
"""
import argparse
import json
import pathlib
import re
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
import common

TOL = 1e-10
# d, condition of the covariances, gauge, aim in seconds
SINGLE = [(100, 1e2, 'schatten:1.5', 0.15), (100, 1e2, 'frobenius', 0.15),
          (100, 1e2, 'schatten:4', 0.15), (100, 1e2, 'operator', 0.3), (100, 1e2, 'kyfan:5', None),
          (100, 1e8, 'schatten:1.5', 0.6), (100, 1e8, 'frobenius', 0.6),
          (100, 1e8, 'operator', 0.6), (300, 1e2, 'schatten:1.5', 2.0),
          (300, 1e2, 'frobenius', 2.0)]
LONG = [(300, 1e2, 'operator', None), (1000, 1e2, 'frobenius', 60.0)]
# count, d, gauge; the aim is 20 000 a second
BATCH = [(4000, d, gauge) for d in (2, 3, 5) for gauge in ('operator', 'frobenius', 'schatten:3')]
CSDP = [(20, 1e2, 'operator'), (50, 1e2, 'operator')]
PARTS = ('single', 'batch', 'csdp')


# ---- problems ----


def covariance(rng, d, condition):
    """Eigenvalues from 1 down to 1/condition, evenly in the logarithm, in random directions."""
    import numpy
    frame, _ = numpy.linalg.qr(rng.normal(size=(d, d)))
    full = (frame * numpy.logspace(0, -numpy.log10(condition), d)) @ frame.T
    return (full + full.T) / 2


def problem(d, condition, seed=1):
    import numpy
    rng = numpy.random.default_rng(seed)
    means = [0.3 * rng.normal(size=d) / numpy.sqrt(d) for _ in range(2)]
    return means, [covariance(rng, d, condition) for _ in range(2)]


def write_problem(folder, d, condition):
    import numpy
    means, covariances = problem(d, condition)
    names = []
    for side in range(2):
        for name, data in (('m', means[side]), ('S', covariances[side])):
            names.append(str(folder / f'{name}{side}.npy'))
            numpy.save(names[-1], data)
    return names


def write_batch(path, count, d):
    import numpy
    rng = numpy.random.default_rng(2)
    roots = rng.normal(size=(2, count, d, d))
    full = roots @ roots.transpose(0, 1, 3, 2) / d
    numpy.savez(path, m0=rng.normal(size=(count, d)), m1=rng.normal(size=(count, d)), S0=full[0],
                S1=full[1])


def write_sdp(path, means, covariances):
    """min t with t I - (A - K - K') and [S0 K; K' S1] positive semidefinite, as CSDP reads it."""
    import numpy
    d = len(means[0])
    shift = means[1] - means[0]
    total = numpy.outer(shift, shift) + covariances[0] + covariances[1]
    joint = numpy.zeros((2 * d, 2 * d))
    joint[:d, :d], joint[d:, d:] = covariances
    with open(path, 'w', encoding='ascii') as out:
        print(f'{1 + d * d}\n2\n{d} {2 * d}\n1', *['0'] * (d * d), file=out)
        for block, sign, constant in ((1, 1, total), (2, -1, joint)):
            for i, j in zip(*numpy.triu_indices(len(constant))):
                if constant[i, j] != 0.0:
                    print(0, block, i + 1, j + 1, repr(float(sign * constant[i, j])), file=out)
        for i in range(d):
            print(1, 1, i + 1, i + 1, 1, file=out)
        for i in range(d):
            for j in range(d):
                which = 2 + i * d + j
                print(which, 1, min(i, j) + 1, max(i, j) + 1, 2 if i == j else 1, file=out)
                print(which, 2, i + 1, d + j + 1, 1, file=out)


# ---- runs ----


def ours(arguments, threads, own_threads=False):
    """One run of `wgamma gaussian`; its batches have workers, BLAS has threads otherwise."""
    command = [common.WGAMMA, 'gaussian', *arguments, '--tol', TOL, '--json', '-', '--quiet']
    if own_threads:
        command += ['--threads', threads]
    status, text, complaint, _ = common.measured(
        command, {'OPENBLAS_NUM_THREADS': '1' if own_threads else str(threads)})
    if status not in (0, 1) or not text:
        raise SystemExit(f'wgamma gaussian: exit status {status}: {complaint}')
    return json.loads(text)


def run_single(case, options, threads):
    d, condition, gauge, aim = case
    with tempfile.TemporaryDirectory() as folder:
        files = write_problem(pathlib.Path(folder), d, condition)
        found = common.best_of(options.repeat,
                               lambda: ours([*files, '--gauge', gauge], threads))
    return {'part': 'single', 'd': d, 'condition': condition, 'gauge': gauge, 'threads': threads,
            'aim': aim, **{key: found[key] for key in ('outcome', 'seconds', 'steps', 'w2',
                                                        'all_seconds', 'peak_bytes')}}


def run_batch(case, options, threads):
    count, d, gauge = case
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'many.npz'
        write_batch(path, count, d)
        found = common.best_of(
            options.repeat, lambda: ours(['--batch', path, '--gauge', gauge], threads, True))
    return {'part': 'batch', 'count': count, 'd': d, 'gauge': gauge, 'threads': threads,
            **{key: found[key] for key in ('outcome', 'certified', 'seconds', 'largest_gap',
                                           'all_seconds')}}


def csdp(path, threads):
    started = time.perf_counter()
    status, text, complaint, _ = common.measured(
        ['csdp', path], {'OMP_NUM_THREADS': str(threads), 'OPENBLAS_NUM_THREADS': str(threads)})
    seconds = time.perf_counter() - started
    value = re.search(r'Dual objective value: (\S+)', text)
    if status or not value:
        return {'outcome': f'failed: {complaint or status}'}
    return {'outcome': 'optimal', 'seconds': seconds, 'value': float(value[1])}


def run_csdp(case, options, threads):
    d, condition, gauge = case
    if not shutil.which('csdp'):
        print('csdp is not installed (Debian: coinor-csdp); it is left out', file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = write_problem(folder, d, condition)
        write_sdp(folder / 'problem.dat-s', *problem(d, condition))
        found = common.best_of(options.repeat, lambda: ours([*files, '--gauge', gauge], threads))
        peer = common.best_of(options.repeat, lambda: csdp(folder / 'problem.dat-s', threads))
    if peer['outcome'] == 'optimal':
        low, high = found['w2']['lower'], found['w2']['upper']
        peer['error'] = max(low - peer['value'], peer['value'] - high, 0.0) / high
        if peer['error'] > 1e-5:
            raise SystemExit(f'csdp finds {peer["value"]!r} at d = {d}, not in [{low!r}, {high!r}]')
    return {'part': 'csdp', 'd': d, 'condition': condition, 'gauge': gauge, 'threads': threads,
            'seconds': found['seconds'], 'w2': found['w2'], 'csdp': peer}


# ---- tables ----


def single_table(instances):
    rows = [[one['gauge'], one['d'], f'{one["condition"]:.0e}', one['threads'], one['outcome'],
             one['steps'], f'{one["w2"]["gap"]:.0e}', common.figure(one['seconds']),
             '-' if one['aim'] is None else one['aim']] for one in instances]
    return common.table(['gauge', 'd', 'condition', 'threads', 'outcome', 'steps', 'gap', 's',
                         'aim s'], rows)


def batch_table(instances):
    rows = [[one['gauge'], one['d'], one['threads'], f'{one["certified"]} of {one["count"]}',
             f'{one["largest_gap"]:.0e}', common.figure(one['count'] / one['seconds']), 20000]
            for one in instances]
    return common.table(['gauge', 'd', 'threads', 'certified', 'gap', 'a second', 'aim'], rows)


def csdp_table(instances):
    rows = [[one['gauge'], one['d'], one['threads'], common.figure(one['seconds']),
             common.seconds_cell(one['csdp']), f'{one["csdp"].get("error", float("nan")):.0e}',
             common.ratio_cell(one['csdp'], one), 50 if one['d'] == 50 else '-']
            for one in instances]
    return common.table(['gauge', 'd', 'threads', 'wgamma s', 'CSDP s', 'its error', 'ratio',
                         'aim'], rows)


def tables(results):
    makers = {'single': single_table, 'batch': batch_table, 'csdp': csdp_table}
    blocks = ['\n'.join(common.machine_lines(results['machine']))]
    for part in PARTS:
        instances = [one for one in results['instances'] if one['part'] == part]
        if instances:
            blocks.append(makers[part](instances))
    return '\n\n'.join(blocks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--parts', type=lambda text: text.split(','), default=list(PARTS),
                        help=f'of {", ".join(PARTS)}; default: all')
    parser.add_argument('--repeat', type=int, default=3, help='runs; the quickest counts')
    parser.add_argument('--threads', type=common.numbers, default=[1, 2], help='default 1,2')
    parser.add_argument('--long', action='store_true', help='d = 300 operator and d = 1000, too')
    parser.add_argument('--out', type=pathlib.Path, help='the JSON file of results')
    parser.add_argument('--markdown', metavar='FILE', help='prints the tables of a file')
    options = parser.parse_args()
    if options.markdown:
        print(tables(common.read_results(options.markdown)))
        return
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f'{sorted(unknown)} not among {list(PARTS)}')
    cases = {'single': SINGLE + (LONG if options.long else []), 'batch': BATCH, 'csdp': CSDP}
    runners = {'single': run_single, 'batch': run_batch, 'csdp': run_csdp}
    results = {'machine': common.machine(), 'repeat': options.repeat, 'instances': []}
    for part in options.parts:
        for case in cases[part]:
            for threads in options.threads:
                found = runners[part](case, options, threads)
                if found:
                    results['instances'].append(found)
                if options.out:
                    common.write_results(options.out, results)
    print(tables(results))


if __name__ == '__main__':
    main()
