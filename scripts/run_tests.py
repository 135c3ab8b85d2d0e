#!/usr/bin/env python3
"""Runs ctest in one or more build trees, one after the other, and adds up what it reports.

    run_tests.py [--label LABEL | --without LABEL] BUILD...

The last line is `N passed, N failed`, with `, N skipped` when there are any. The exit status is 1
if a test failed, if a tree has no usable report, or if no test ran at all.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

TEST_SECONDS = 300


def ctest_command(tree, report, options):
    command = ['ctest', '--test-dir', tree, '--output-on-failure', '--output-junit', str(report),
               '--parallel', str(os.cpu_count() or 1)]
    if options.label:
        return command + ['--label-regex', f'^{options.label}$']
    command += ['--timeout', str(TEST_SECONDS)]
    return command + (['--label-exclude', f'^{options.without}$'] if options.without else [])


def run_tree(tree, options):
    """(passed, failed, skipped) of one tree."""
    report = pathlib.Path(tree).resolve() / 'tests.xml'
    report.unlink(missing_ok=True)
    print(f'== tests of {tree}', flush=True)
    status = subprocess.run(ctest_command(tree, report, options)).returncode
    try:
        suite = xml.etree.ElementTree.parse(report).getroot()
    except (OSError, xml.etree.ElementTree.ParseError) as fault:
        print(f'{tree}: no report from ctest: {fault}')
        return 0, 1, 0
    total, failed = int(suite.get('tests')), int(suite.get('failures'))
    skipped = int(suite.get('skipped')) + int(suite.get('disabled'))
    if status and not failed:
        print(f'{tree}: ctest ended with status {status}')
        failed, total = 1, total + 1
    return total - failed - skipped, failed, skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--label')
    parser.add_argument('--without')
    parser.add_argument('trees', nargs='+')
    options = parser.parse_args()
    counts = [sum(column) for column in zip(*(run_tree(tree, options) for tree in options.trees))]
    passed, failed, skipped = counts
    if passed == 0:
        print('no test passed')
    sys.stdout.flush()
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main())
