"""A whole solve against one exact transport of the same clouds by the same engine, from nothing."""
from shared import Case, on_files, ours, power, unfinished
from common import figure, ratio_cell, table

NAME = 'cold'
SIZES, DIMS = (1000,), (3,)
AIMS = {'wgamma-1e-6': 5, 'wgamma-1e-9': 15}


def all_cases(options):
    return [Case(NAME, clouds, weights, n, d, 'operator') for clouds in ('gaussian', 'annulus')
            for weights in ('uniform', 'random') for d in options.dims or DIMS
            for n in options.sizes or SIZES]


def run_case(case, options):
    wanted = {'wgamma-cold': ('trace', '1e-9'), 'wgamma-1e-6': (case.gauge, '1e-6'),
              'wgamma-1e-9': (case.gauge, '1e-9')}
    return on_files(case, lambda folder: ours(case, folder, options, wanted))


complaints = unfinished


def tables(instances, results):
    rows = []
    for instance in instances:
        runs = instance['runs']
        cells = [instance['clouds'], instance['weights'], instance['d'], instance['n'],
                 figure(runs['wgamma-cold']['seconds'])]
        for name in AIMS:
            cells += [figure(runs[name]['seconds']), runs[name]['oracle_calls'],
                      power(runs[name]['gap']), ratio_cell(runs[name], runs['wgamma-cold'])]
        rows.append(cells)
    return (f'Operator norm: the median seconds of {results["repeat"]} solves over those of a cold '
            'transport (trace); the aims are '
            + ' and '.join(f'{aim} cold solves to {name.removeprefix("wgamma-")}'
                           for name, aim in AIMS.items()) + ':\n\n' + table(
                ['clouds', 'weights', 'd', 'n', 'cold s', 'to 1e-6 s', 'calls', 'gap', '/ cold',
                 'to 1e-9 s', 'calls', 'gap', '/ cold'], rows))
