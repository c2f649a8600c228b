#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the coverage report of a build that has run its tests.

    coverage/report.py BUILD RPC_LOG FAULT_LOG

Writes BUILD/index.html (with BUILD/faults.html and BUILD/source/*.html), BUILD/coverage.json, BUILD/cobertura.xml and BUILD/coverage.info, prints a table
by folder and the summaries of the two matrices, and fails when a number is below coverage/thresholds.txt.
"""
import json
import subprocess
import sys
import time
from pathlib import Path

import fault_matrix
import fault_page
import measure
import page
import rpc_matrix
from html_parts import source_name

TOP = Path(__file__).resolve().parent.parent
KINDS = measure.Tally.KINDS


def print_table(files):
    def row(name, tally):
        cells = "".join(f"{tally.percent(k):7.1f} % {tally.covered[k]:5}/{tally.total[k]:<5}" if tally.total[k] else f"{'-':>7}{'':14}"
                        for k in KINDS)
        print(f"{name:24}{cells}")

    print(f"{'':24}" + "".join(f"{kind:^21}" for kind in KINDS).rstrip())
    for folder, tally in measure.by_folder(files).items():
        row(folder, tally)
    row("lib/ and agent/", measure.total(files))


def write_pages(build, files, matrix, faults, thresholds):
    (build / "source").mkdir(exist_ok=True)
    for stale in (build / "source").glob("*.html"):
        stale.unlink()
    for file in files:
        (build / source_name(file.path)).write_text(page.source(file, thresholds))
    about = "Measured " + time.strftime("%Y-%m-%d %H:%M") + describe_commit()
    (build / "index.html").write_text(page.front(files, matrix, faults, thresholds, about))
    (build / fault_page.PAGE).write_text(fault_page.fault_page(faults, about))


def describe_commit():
    git = subprocess.run(["git", "log", "-1", "--format=%h %s"], capture_output=True, text=True, cwd=TOP, check=False)
    return f" at {git.stdout.strip()}" if git.returncode == 0 and git.stdout.strip() else ""


def write_json(path, files, matrix, faults, thresholds):
    path.write_text(json.dumps({
        "total": measure.total(files).to_json(),
        "thresholds": thresholds,
        "folders": {name: tally.to_json() for name, tally in measure.by_folder(files).items()},
        "files": {file.path: file.tally.to_json() for file in files},
        "rpc": matrix.to_json(),
        "faults": faults.to_json(),
    }, indent=1) + "\n")


def below_threshold(files, thresholds):
    tally = measure.total(files)
    return [f"{kind}: {tally.percent(kind):.2f} % of lib/ and agent/ is below {least:g} %"
            for kind, least in thresholds.items() if tally.percent(kind) < least]


def main():
    build = Path(sys.argv[1])
    raw = build / "gcovr.json"
    measure.forget_removed_sources(build, TOP)
    measure.run_gcovr(str(build), str(raw))
    files = measure.load(raw, TOP)
    matrix = rpc_matrix.load(sys.argv[2])
    faults = fault_matrix.load(sys.argv[3])
    thresholds = measure.read_thresholds(TOP / "coverage/thresholds.txt")

    subprocess.run(["gcovr", "--root", ".", "--add-tracefile", str(raw), "--xml", str(build / "cobertura.xml")], check=True)
    measure.write_lcov(files, build / "coverage.info")
    write_json(build / "coverage.json", files, matrix, faults, thresholds)
    write_pages(build, files, matrix, faults, thresholds)

    print_table(files)
    print(rpc_matrix.summary(matrix))
    print(fault_matrix.summary(faults))
    print(f"report: {build}/index.html")
    failures = below_threshold(files, thresholds)
    print("\n".join(failures), end="\n" if failures else "")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
