"""Runs the compiled examples and checks what they print against what is known.

    test_examples.py DIRECTORY          where the compiled examples are
"""
import math
import os
import re
import subprocess
import sys

FAILURES = []


def expect(condition, what):
    if not condition:
        FAILURES.append(what)


def run(name, *arguments):
    done = subprocess.run([os.path.join(sys.argv[1], name), *arguments], text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(done.returncode == 0, f'{name}: exit status {done.returncode}: {done.stderr}')
    return done.stdout.splitlines()


def check_distance():
    """The two-atom example: W2 = 2, sqrt 2, 1."""
    known = {'trace': 2.0, 'schatten:2': math.sqrt(2.0), 'operator': 1.0}
    line_form = re.compile(r'(\S+)\s+W2 in \[(\S+), (\S+)\]\s+W = (\S+)\s+certified')
    seen = {}
    for line in run('01_distance'):
        match = line_form.fullmatch(line)
        expect(match, f'01_distance: unexpected line: {line}')
        if match:
            seen[match[1]] = tuple(float(match[k]) for k in (2, 3, 4))
    expect(seen.keys() == known.keys(), f'01_distance: gauges {sorted(seen)}')
    for gauge, (lower, upper, w) in seen.items():
        expect(abs(lower - known[gauge]) <= 1e-11 and abs(upper - known[gauge]) <= 1e-11,
               f'01_distance: {gauge}: [{lower}, {upper}] is not {known[gauge]}')
        expect(abs(w * w - known[gauge]) <= 1e-8, f'01_distance: {gauge}: W = {w}')


def check_flow():
    """The energy falls and obeys its law; the tree and the direct sums tell the same story."""
    form = re.compile(r't = (\S+)  F = (\S+)  N\* = (\S+)  law off by (\S+)  (\d+) forces')
    ends = []
    for arguments in (['900', '40'], ['6000', '12']):
        lines = [form.fullmatch(line) for line in run('06_flow', *arguments)]
        expect(len(lines) == 4 and all(lines), f'06_flow: {lines}')
        if not all(lines):
            return
        energies = [float(line[2]) for line in lines]
        expect(energies == sorted(energies, reverse=True), f'06_flow: energies {energies}')
        expect(all(float(line[4]) < 2e-2 for line in lines), '06_flow: the law')
        expect(int(lines[3][5]) == 4 * int(arguments[1]) + 1, '06_flow: forces')
        ends.append(energies[0])
    expect(abs(ends[0] / ends[1] - 1) < 0.05, f'06_flow: {ends}')


def check_solver():
    """W grows from operator to trace; kyfan:3 is the trace in three dimensions."""
    lines = run('02_solver')
    found = [re.fullmatch(r'(\S+)\s+W = (\S+)\s+gap <= 1e-8\s+certified', line) for line in lines]
    w = {match[1]: float(match[2]) for match in found if match}
    expect(list(w) == ['operator', 'kyfan:2', 'kyfan:3', 'sum:operator@2,trace@1'],
           f'02_solver: {lines}')
    text = '\n'.join(lines)
    spectrum = re.search(r'covariance: (\S+) (\S+) (\S+)', text)
    potentials = re.search(r'sum (\S+), feasible', text)
    middle = re.search(r'mean: \((\S+), (\S+), (\S+)\)', text)
    expect(re.search(r'^plan: \d+ entries', text, re.M), '02_solver: no plan')
    expect(spectrum and potentials and middle, f'02_solver: incomplete: {text}')
    if FAILURES:
        return
    expect(w['operator'] < w['sum:operator@2,trace@1'] < w['kyfan:3'], f'02_solver: order: {w}')
    expect(w['operator'] < w['kyfan:2'] < w['kyfan:3'], f'02_solver: Ky Fan order: {w}')
    values = [float(spectrum[k]) for k in (1, 2, 3)]
    expect(values == sorted(values, reverse=True) and values[-1] >= 0.0,
           f'02_solver: spectrum {values}')
    expect(abs(float(potentials[1]) - w['sum:operator@2,trace@1'] ** 2) <= 1e-5,
           '02_solver: the potentials do not sum to W2')
    # The mean half-way is half the sum of the two means, whatever the plan: third coordinate
    # (0.2 * 0.1 * 59 / 2 + 1) / 2.
    expect(abs(float(middle[3]) - 0.795) <= 1e-6, f'02_solver: mean {middle[0]}')


def check_certificate():
    lines = run('03_certificate')
    expect(len(lines) == 6, f'03_certificate: {lines}')
    expect(lines[1:2] == ['as computed            valid'], '03_certificate: refused what is true')
    reasons = ['is claimed, only', 'outside the dual ball', 'displacements of the plan are larger',
               'displacements of the plan are larger']
    for line, reason in zip(lines[2:], reasons):
        expect('REFUSED: ' in line and reason in line, f'03_certificate: {line}')


def check_large_cloud():
    """N(0, I) and N((0.5, 0.5), 1.69 I) are 0.5 + 2 * 0.3^2 apart in W2; samples a little more."""
    lines = run('04_large_cloud', '3000')
    match = re.fullmatch(r'W2 in \[(\S+), (\S+)\]  gap (\S+)  certified', lines[1])
    expect(match, f'04_large_cloud: {lines}')
    if match:
        expect(0.5 < float(match[1]) <= float(match[2]) < 0.9, f'04_large_cloud: {lines[1]}')
        expect(float(match[3]) < 1e-10, f'04_large_cloud: gap {match[3]}')


def check_muon():
    """One start, four ways down; the quintic is not the exact factor, but close."""
    lines = [line.split(',') for line in run('05_muon')]
    expect(lines[:1] == [['step', 'exact', 'quintic', 'adamw', 'sgd']], f'05_muon: {lines[:1]}')
    rows = [[float(cell) for cell in line] for line in lines[1:]]
    expect([row[0] for row in rows] == [20 * k for k in range(21)], f'05_muon: {rows}')
    start, middle, end = rows[0][1:], rows[10][1:], rows[-1][1:]
    expect(len(set(start)) == 1 and 0.5 < start[0] < 1.0, f'05_muon: start {start}')
    expect(middle[0] != middle[1] and max(middle[:2]) < 0.3, f'05_muon: half-way {middle}')
    expect(max(end[:3]) < 0.01 and end[3] < 0.3, f'05_muon: end {end}')


def main():
    check_distance()
    check_solver()
    check_flow()
    check_certificate()
    check_large_cloud()
    check_muon()
    for failure in FAILURES:
        print(failure)
    print(f'examples: {len(FAILURES)} problems')
    return 1 if FAILURES else 0


if __name__ == '__main__':
    sys.exit(main())
