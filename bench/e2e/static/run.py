#!/usr/bin/env python3
"""The certified distance of every gauge, against what else computes it; everything on one thread.

    run.py [--parts conic,subspace,cold,reference] [--sizes 50,100] [--dims 2,3] [--limit 300]
           [--repeat 5] [--out results/compare.json]
    run.py --markdown results/compare.json

conic      the program on the full coupling that CVXPY hands to Clarabel and to SCS
subspace   Ky Fan gauges in dimension 30: Frank-Wolfe with exact transport by POT
cold       one exact transport of the same clouds by our own engine
reference  calls and gaps on the reference clouds, left out with a message where they are not

The exit status is 1 if a run of ours is not as narrow as asked, a reference cloud takes more calls
than the aim, a peer does not run, or an interval and the value of a peer, or the reference, cannot
both be true.
"""
import argparse
import os
import pathlib
import sys

from shared import cases, common
import cold
import conic
import reference
import subspace

PARTS = {part.NAME: part for part in (conic, subspace, cold, reference)}
REFERENCE = os.environ.get('WG_REFERENCE') or common.ROOT / '..' / 'shared' / 'reference'


def by_part(results):
    """(part, its instances), of those that there are."""
    for name, part in PARTS.items():
        if instances := [one for one in results['instances'] if one['part'] == name]:
            yield part, instances


def tables(results):
    facts = results['machine']
    peers = f'- cvxpy {facts["cvxpy"]}, Clarabel {facts["clarabel"]}, SCS {facts["scs"]}'
    blocks = [cases.head(results, 'wgamma: the median') + '\n' + peers]
    for part, instances in by_part(results):
        blocks += [f'### {part.NAME}', part.tables(instances, results)]
    return '\n\n'.join(blocks)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--parts', type=cases.one_of(PARTS), default=list(PARTS),
                        help=f'of {", ".join(PARTS)}; default: all')
    parser.add_argument('--sizes', type=common.numbers, metavar='N,...',
                        help='points of a cloud, in the place of those of each part')
    parser.add_argument('--dims', type=common.numbers, metavar='D,...',
                        help='dimensions, in the place of those of each part')
    parser.add_argument('--gauges', type=cases.one_of(conic.GAUGES), default=conic.GAUGES,
                        help=f'conic: of {", ".join(conic.GAUGES)}')
    parser.add_argument('--solvers', type=cases.one_of(conic.SOLVERS), default=conic.SOLVERS,
                        help=f'conic: of {", ".join(conic.SOLVERS)}')
    parser.add_argument('--iterations', type=int, default=500, metavar='N',
                        help='subspace: of Frank-Wolfe at most; default 500')
    parser.add_argument('--limit', type=float, default=300, metavar='S',
                        help='seconds for a run of a peer; default 300')
    parser.add_argument('--reference', type=pathlib.Path, default=REFERENCE, metavar='FOLDER',
                        help='the reference clouds; default $WG_REFERENCE or ../shared/reference')
    cases.add_common_options(parser, repeat=5, meaning='runs of ours, whose median counts (peers '
                             'and reference clouds run once)')
    return parser.parse_args()


def main():
    options = parse_options()
    options.reference = pathlib.Path(options.reference).resolve()
    if options.markdown:
        print(tables(common.read_results(options.markdown)))
        return 0
    parts = [PARTS[name] for name in options.parts]
    work = [(part, case) for part in parts for case in part.all_cases(options)]
    if not work:
        raise SystemExit('no instance is left')
    settings = {name: getattr(options, name) for name in ('iterations', 'limit')}
    results = {**cases.open_results(options), **settings}
    if conic.NAME in options.parts and not results['machine']['cvxpy']:
        raise SystemExit('there is no CVXPY; scripts/setup.sh bench installs it')
    for part, case in work:
        cases.keep(results, options, case, part.run_case(case, options))
    cases.close_results(results, options)
    print('\n' + tables(results))
    wrong = [line for part, instances in by_part(results) for one in instances
             for line in part.complaints(one)]
    print('\n' + '\n'.join(wrong + [f'{len(wrong)} complaints']))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
