"""Ky Fan gauges against Frank-Wolfe with exact transport (Paty and Cuturi 2019)."""
from shared import Case, HERE, on_files, ours, power, unfinished
from common import figure, limited_child, ratio_cell, seconds_cell, table

NAME = 'subspace'
SIZES, DIMS = (500, 1000, 2000), (30,)
CLOUDS = ('cube', 'gaussian')
LARGEST = (2, 5)
PEER_GAP = 1e-3


def all_cases(options):
    return [Case(NAME, clouds, 'uniform', n, d, f'kyfan:{k}') for clouds in CLOUDS
            for d in options.dims or DIMS for k in LARGEST if k < d for n in options.sizes or SIZES]


def run_case(case, options):
    def run(folder):
        runs = ours(case, folder, options, {'wgamma-1e-3': (case.gauge, '1e-3'),
                                            'wgamma-1e-6': (case.gauge, '1e-6')})
        runs['frank-wolfe'] = limited_child(
            options.limit, HERE / 'subspace_peer.py', case.gauge.partition(':')[2], PEER_GAP,
            options.iterations, folder, options.limit)
        return runs
    return on_files(case, run)


def complaints(instance):
    """Both intervals hold the same number."""
    ends, theirs = instance['runs']['wgamma-1e-6'], instance['runs']['frank-wolfe']
    found = unfinished(instance)
    margin = 1e-9 * ends['upper']
    if 'lower' in theirs and not (theirs['lower'] <= ends['upper'] + margin
                                  and ends['lower'] <= theirs['upper'] + margin):
        found.append(f'{NAME}: [{theirs["lower"]!r}, {theirs["upper"]!r}] of Frank-Wolfe and '
                     f'[{ends["lower"]!r}, {ends["upper"]!r}] for {instance["gauge"]} are apart')
    return found


def tables(instances, results):
    rows = []
    for instance in instances:
        runs = instance['runs']
        loose, tight, theirs = runs['wgamma-1e-3'], runs['wgamma-1e-6'], runs['frank-wolfe']
        spent = theirs.get('seconds', theirs.get('limit_seconds'))
        rows.append([instance['clouds'], instance['gauge'], instance['d'], instance['n'],
                     figure(loose['seconds']), loose['oracle_calls'], power(loose['gap']),
                     figure(tight['seconds']), tight['oracle_calls'], power(tight['gap']),
                     seconds_cell(theirs), '-' if spent is None else figure(spent),
                     theirs.get('iterations', '-'), power(theirs.get('gap')),
                     ratio_cell(theirs, loose), ratio_cell(theirs, tight)])
    return (f'Frank-Wolfe until its gap is {PEER_GAP:g}, at most {results["iterations"]} steps '
            f'and {results["limit"]:g} s; ours to 1e-3 and to 1e-6:\n\n' + table(
                ['clouds', 'gauge', 'd', 'n', 'to 1e-3 s', 'calls', 'gap', 'to 1e-6 s', 'calls',
                 'gap', 'Frank-Wolfe', 'spent s', 'iterations', 'gap', '/ 1e-3', '/ 1e-6'], rows))
