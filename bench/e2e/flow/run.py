#!/usr/bin/env python3
"""Forces of energies against NumPy and torch, and how long the paper's experiments take.

    run.py [--parts network,attention,mmd,tree,reproduce] [--small] [--repeat 5] [--threads 1]
           [--out results/compare.json]
    run.py --markdown results/compare.json

Medians of runs in turn within one process a case (timing.py). Pairs are what a force needs of them,
n^2 among the particles and n^2 to the target. `reproduce` runs the command with two threads, once,
figures included. What was aimed at stands beside what was reached.
"""
import argparse
import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
import common

CASES = {
    'network': [{'n': 1920, 'data': 2000, 'inputs': 2}, {'n': 1920, 'data': 2000, 'inputs': 64}],
    'attention': [{'n': 128, 'count': 128, 'length': 16, 'token': 8, 'head': 4},
                  {'n': 48, 'count': 32, 'length': 8, 'token': 4, 'head': 2}],
    'mmd': [{'n': 10000, 'd': 2}, {'n': 10000, 'd': 3}, {'n': 4000, 'd': 10}],
    'tree': [{'n': 100000, 'd': 2, 'accuracy': 1e-4}, {'n': 1000000, 'd': 2, 'accuracy': 1e-4}],
    'reproduce': [{'experiment': name} for name in ('mmd', 'mlp', 'attention')],
}
SMALL = {
    'network': [{'n': 50, 'data': 60, 'inputs': 2}],
    'attention': [{'n': 6, 'count': 5, 'length': 4, 'token': 3, 'head': 2}],
    'mmd': [{'n': 700, 'd': 2}],
    'tree': [{'n': 3000, 'd': 2, 'accuracy': 1e-4}],
    'reproduce': [{'experiment': 'mmd'}],
}
WAYS = ('wgamma', 'wgamma_f32', 'numpy', 'torch', 'torch_f32')
TITLES = {'wgamma': 'wgamma', 'wgamma_f32': 'wgamma, float', 'numpy': 'NumPy',
          'torch': 'torch', 'torch_f32': 'torch, float'}


def label(one):
    if one['part'] == 'reproduce':
        return f'reproduce {one["experiment"]}'
    skipped = ('part', 'seconds', 'all_seconds', 'errors', 'torch', 'process_bytes')
    return one['part'] + ' ' + ', '.join(f'{key} {value:g}' for key, value in one.items()
                                         if key not in skipped)


def per_pair(one, way):
    """Nanoseconds of a pair."""
    return 1e9 * one['seconds'][way] / (2 * one['n']**2)


def cell(one, way):
    if way not in one['seconds']:
        return '-'
    text = common.figure(1e3 * one['seconds'][way])
    return f'{text} ({common.figure(per_pair(one, way))} ns)' if one['part'] == 'mmd' else text


def aims(one):
    """(what, reached, aim)."""
    if one['part'] == 'network' and one['n'] == 1920 and one['inputs'] == 2:
        return [('ms', 1e3 * one['seconds']['wgamma'], 1)]
    if one['part'] == 'attention' and one['n'] == 128:
        return [('ms, float', 1e3 * one['seconds']['wgamma_f32'], 10)]
    if one['part'] == 'mmd' and one['n'] == 10000 and one['d'] == 2:
        return [('ns a pair, float', per_pair(one, 'wgamma_f32'), 0.1)]
    if one['part'] == 'tree' and one['n'] == 1000000:
        return [('s', one['seconds']['wgamma'], 1.5)]
    return []


def aim_rows(instances):
    rows = [[label(one), what, common.figure(reached), f'<= {aim:g}']
            for one in instances for what, reached, aim in aims(one)]
    runs = [one['seconds'] for one in instances if one['part'] == 'reproduce']
    if len(runs) == len(CASES['reproduce']):
        rows.append(['the three experiments', 's', common.figure(sum(runs)), '<= 30'])
    return rows


def tables(results):
    instances = results['instances']
    forces = [one for one in instances if one['part'] != 'reproduce']
    runs = [one for one in instances if one['part'] == 'reproduce']
    torch = next((one['torch'] for one in forces if one['torch']), 'not installed')
    blocks = ['\n'.join(common.machine_lines(results['machine']) +
                        [f'- torch {torch}; {results["threads"]} thread(s), median of '
                         f'{results["repeat"]}'])]
    titles = [TITLES[way] for way in WAYS]
    if forces:
        rows = [[label(one)] + [cell(one, way) for way in WAYS] for one in forces]
        blocks.append(common.table(['ms a force (a pair)'] + titles, rows))
        rows = [[label(one)] + [f'{one["errors"][way]:.0e}' if way in one['errors'] else '-'
                                for way in WAYS] for one in forces]
        blocks.append(common.table(['error over the largest'] + titles, rows))
    if runs:
        rows = [[label(one), common.figure(one['seconds']), f'{one["worst"]:.0e}'] for one in runs]
        blocks.append(common.table(['experiment', 's', 'law off by, resolved'], rows))
    if rows := aim_rows(instances):
        blocks.append(common.table(['', '', 'reached', 'aim'], rows))
    return '\n\n'.join(blocks)


def run_force(part, sizes, options):
    threads = {name: str(options.threads) for name in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS')}
    status, text, complaint, resident = common.python_child(
        HERE / 'timing.py', part, json.dumps(sizes), options.repeat, options.threads,
        variables=threads)
    if status:
        raise SystemExit(complaint)
    return {'part': part, **sizes, **json.loads(text), 'process_bytes': resident}


def run_experiment(part, sizes, options):
    with tempfile.TemporaryDirectory(prefix='wgamma-bench-') as folder:
        status, text, complaint, resident = common.measured(
            [common.WGAMMA, part, sizes['experiment'], '--out', folder, '--threads', 2, '--json',
             '-', '--quiet'], common.ONE_BLAS_THREAD)
    if status not in (0, 1) or not text:
        raise SystemExit(f'wgamma {part}: exit status {status}: {complaint}')
    report = json.loads(text)
    worst = max(run['identity_error'] for run in report['runs'] if run['run'] == 'resolved')
    return {'part': part, **sizes, 'seconds': report['seconds'], 'worst': worst,
            'process_bytes': resident}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--parts', type=lambda text: text.split(','), default=list(CASES),
                        help='of network, attention, mmd, tree, reproduce; default: all')
    parser.add_argument('--small', action='store_true', help='tiny sizes, to see that it works')
    parser.add_argument('--repeat', type=int, default=5, help='runs that count; default 5')
    parser.add_argument('--threads', type=int, default=1, help='of forces; default 1')
    parser.add_argument('--out', type=pathlib.Path, help='the JSON file of results')
    parser.add_argument('--markdown', metavar='FILE', help='prints the tables of a file')
    options = parser.parse_args()
    if options.markdown:
        print(tables(common.read_results(options.markdown)))
        return
    if unknown := set(options.parts) - set(CASES):
        parser.error(f'{sorted(unknown)} not among {list(CASES)}')
    results = {'machine': common.machine(), 'repeat': options.repeat, 'threads': options.threads,
               'instances': []}
    for part in options.parts:
        for sizes in (SMALL if options.small else CASES)[part]:
            run = run_experiment if part == 'reproduce' else run_force
            results['instances'].append(run(part, sizes, options))
            if options.out:
                common.write_results(options.out, results)
    print(tables(results))


if __name__ == '__main__':
    main()
