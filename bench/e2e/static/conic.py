"""Against the conic program on the full n x m coupling, as CVXPY hands it to Clarabel and SCS."""
import statistics

from shared import Case, HERE, distance, on_files, ours, power, unfinished
from common import figure, limited_child, ratio_cell, seconds_cell, table

NAME = 'conic'
SIZES, DIMS = (50, 100, 200), (2, 3, 10)
CLARABEL, SCS = 'clarabel', 'scs'
SOLVERS = (CLARABEL, SCS)
# The tightest that they reach: a tenth of it, and Clarabel stalls and SCS goes on without end.
TOLERANCES = {CLARABEL: 1e-11, SCS: 1e-9}
# A peer whose value is farther away than this has solved another problem, or we have.
SAME_PROBLEM = 1e-5


def gauges(d):
    """By name; without those that are the trace gauge in this dimension."""
    found = {'operator': 'operator', 'frobenius': 'frobenius', 'schatten': 'schatten:10'}
    if d > 2:
        found['kyfan'] = 'kyfan:2'
    if d > 1:
        found['max'] = f'max:operator@{d - d // 2},operator@{d // 2}'
    return found


GAUGES = tuple(gauges(3))


def all_cases(options):
    return [Case(NAME, 'gaussian', 'uniform', n, d, gauge)
            for d in options.dims or DIMS for name, gauge in gauges(d).items()
            for n in options.sizes or SIZES if name in options.gauges]


def run_case(case, options):
    def run(folder):
        runs = ours(case, folder, options, {'wgamma-1e-6': (case.gauge, '1e-6'),
                                            'wgamma-1e-9': (case.gauge, '1e-9')})
        for solver in options.solvers:
            runs[solver] = limited_child(options.limit, HERE / 'conic_peer.py', solver, case.gauge,
                                         TOLERANCES[solver], folder, options.limit)
        return runs
    return on_files(case, run)


def error(instance, solver):
    """How far a peer is off, as the tighter of our intervals shows it; None without a value."""
    value = instance['runs'].get(solver, {}).get('value')
    return None if value is None else distance(value, instance['runs']['wgamma-1e-9'])


def complaints(instance):
    found = unfinished(instance)
    for solver in SOLVERS:
        run = instance['runs'].get(solver, {})
        if run.get('outcome') == 'optimal' and error(instance, solver) > SAME_PROBLEM:
            ends = instance['runs']['wgamma-1e-9']
            found.append(f'{NAME}: {solver} finds {run["value"]!r} for {instance["gauge"]}, not '
                         f'in [{ends["lower"]!r}, {ends["upper"]!r}]')
    return found


def peer_cells(instance, solver):
    runs = instance['runs']
    run = runs.get(solver)
    compiled = '-' if not run or 'compile_seconds' not in run else figure(run['compile_seconds'])
    return [seconds_cell(run), compiled, power(error(instance, solver)),
            ratio_cell(run, runs['wgamma-1e-6']), ratio_cell(run, runs['wgamma-1e-9'])]


def case_table(instances):
    rows = []
    for instance in instances:
        loose, tight = instance['runs']['wgamma-1e-6'], instance['runs']['wgamma-1e-9']
        rows.append([instance['gauge'], instance['d'], instance['n'], figure(loose['seconds']),
                     figure(tight['seconds']), tight['oracle_calls'], power(tight['gap']),
                     *peer_cells(instance, CLARABEL), *peer_cells(instance, SCS)])
    return table(['gauge', 'd', 'n', 'to 1e-6 s', 'to 1e-9 s', 'calls', 'gap',
                  'Clarabel s', 'compile s', 'error', '/ 1e-6', '/ 1e-9',
                  'SCS s', 'compile s', 'error', '/ 1e-6', '/ 1e-9'], rows)


def quicker_ratio(instance, name):
    """The quicker of the peers / ours; None if none of them ran to the end or to its limit."""
    runs = [instance['runs'].get(solver, {}) for solver in SOLVERS]
    times = [run.get('seconds', run.get('limit_seconds')) for run in runs]
    times = [time for time in times if time is not None]
    return min(times) / instance['runs'][name]['seconds'] if times else None


def summary_table(instances):
    rows = []
    for n in sorted({instance['n'] for instance in instances}):
        for name in ('wgamma-1e-6', 'wgamma-1e-9'):
            ratios = [quicker_ratio(one, name) for one in instances if one['n'] == n]
            ratios = [value for value in ratios if value is not None]
            if ratios:
                rows.append([name, n, len(ratios), figure(min(ratios)),
                             figure(statistics.median(ratios)), figure(max(ratios))])
    return table(['ours', 'n', 'count', 'least', 'median', 'largest'], rows)


def tables(instances, results):
    return '\n\n'.join([
        f'Seconds of the solve; Clarabel at a tolerance of {TOLERANCES[CLARABEL]:g}, SCS of '
        f'{TOLERANCES[SCS]:g}, their compilation by CVXPY apart. Error: distance of their value '
        'from our interval at 1e-9, relative; gap: width of that interval. / 1e-6, / 1e-9: their '
        'time over ours.', case_table(instances),
        f'Time of the quicker peer over ours (past {results["limit"]:g} s it counts with them):',
        summary_table(instances)])
