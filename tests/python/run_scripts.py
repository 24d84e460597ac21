"""Runs browser scripts for tests/support/script.rs, one after the other in one browser, until standard input ends.

Each line of standard input names a script and its parameters, as JSON. The script may print requests, each of
which is answered with a line; then comes the line `ended`. A script that fails ends this program."""

import json
import runpy
import sys
from pathlib import Path

import browser

HERE = Path(__file__).parent


def main():
    with browser.launched() as browser.shared:
        while line := sys.stdin.readline():
            script, parameters = json.loads(line)
            sys.argv = [script, json.dumps(parameters)]
            runpy.run_path(str(HERE / script), run_name="__main__")
            print("ended", flush=True)


main()
