# SPDX-License-Identifier: Apache-2.0
"""What was executed: gcovr's JSON made into files and folders with their numbers."""
import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

# A line that only ends the program cannot be reached by a test that survives; neither can the branch that leads to it.
UNREACHABLE = re.compile(r"^\s*(abort\(\)|__builtin_unreachable\(\));\s*(/\*.*)?$")


class Tally:
    """Covered and total lines, branches and functions."""

    KINDS = ("lines", "branches", "functions")

    def __init__(self):
        self.covered = dict.fromkeys(self.KINDS, 0)
        self.total = dict.fromkeys(self.KINDS, 0)

    def add(self, kind, covered, total):
        self.covered[kind] += covered
        self.total[kind] += total

    def merge(self, other):
        for kind in self.KINDS:
            self.add(kind, other.covered[kind], other.total[kind])

    def percent(self, kind):
        """100 when there is nothing to cover."""
        return 100.0 * self.covered[kind] / self.total[kind] if self.total[kind] else 100.0

    def to_json(self):
        return {kind: {"covered": self.covered[kind], "total": self.total[kind], "percent": round(self.percent(kind), 2)}
                for kind in self.KINDS}


class SourceFile:
    def __init__(self, record, top):
        self.path = record["file"]
        self.folder = str(Path(self.path).parent)
        self.text = (top / self.path).read_text(errors="replace").splitlines()
        self.lines = {line["line_number"]: line for line in record["lines"] if not line.get("gcovr/noncode")}
        self.functions = record.get("functions", [])
        self.tally = Tally()
        for line in self.lines.values():
            self.tally.add("lines", line["count"] > 0, 1)
            self.tally.add("branches", sum(b["count"] > 0 for b in line["branches"]), len(line["branches"]))
        for function in self.functions:
            self.tally.add("functions", function["execution_count"] > 0, 1)


def forget_removed_sources(build, top):
    """Objects of sources that are gone would be reported as never executed."""
    for notes in Path(build).rglob("*.gcno"):
        source = notes.relative_to(build).with_suffix(".c")
        if not (top / source).exists():
            for suffix in (".gcno", ".gcda", ".o", ".d"):
                notes.with_suffix(suffix).unlink(missing_ok=True)


def run_gcovr(build, output):
    """Collects the counters below build into gcovr's JSON file."""
    subprocess.run(["gcovr", "--root", ".", "--object-directory", build, build, "--exclude-unreachable-branches",
                    "--filter", "lib/", "--filter", "agent/", "--filter", "runtime-min/", "--exclude", ".*/tests/",
                    "--exclude", "build/", "-j", "2", "--json", output], check=True)


def drop_unreachable(record, top):
    """Removes lines that only abort, and the branches into them, when they were never taken."""
    text = (top / record["file"]).read_text(errors="replace").splitlines()
    lines = {line["line_number"]: line for line in record["lines"]}
    for number in [n for n, line in lines.items() if n <= len(text) and UNREACHABLE.match(text[n - 1]) and not line["count"]]:
        for before in range(number - 1, max(number - 4, 0), -1):
            if before in lines and lines[before]["branches"]:
                lines[before]["branches"] = [b for b in lines[before]["branches"] if b["count"] > 0]
                break
        del lines[number]
    record["lines"] = [lines[number] for number in sorted(lines)]


def load(json_path, top):
    """Reads, trims and writes back gcovr's JSON; returns the files."""
    data = json.loads(Path(json_path).read_text())
    for record in data["files"]:
        drop_unreachable(record, top)
    Path(json_path).write_text(json.dumps(data))
    return sorted((SourceFile(record, top) for record in data["files"]), key=lambda f: f.path)


def by_folder(files):
    folders = defaultdict(Tally)
    for file in files:
        folders[file.folder].merge(file.tally)
    return dict(sorted(folders.items()))


def total(files, prefixes=("lib/", "agent/")):
    """What the thresholds are about."""
    tally = Tally()
    for file in files:
        if file.path.startswith(prefixes):
            tally.merge(file.tally)
    return tally


def read_thresholds(path):
    words = [line.split("#")[0].split() for line in Path(path).read_text().splitlines()]
    return {w[0]: float(w[1]) for w in words if w}


def write_lcov(files, path):
    """The tracefile format of lcov, for genhtml and editors."""
    out = []
    for file in files:
        out += ["TN:", f"SF:{file.path}"]
        for function in file.functions:
            out += [f"FN:{function['lineno']},{function['name']}", f"FNDA:{function['execution_count']},{function['name']}"]
        for number, line in sorted(file.lines.items()):
            out += [f"BRDA:{number},0,{i},{b['count']}" for i, b in enumerate(line["branches"])]
            out.append(f"DA:{number},{line['count']}")
        out.append("end_of_record")
    Path(path).write_text("\n".join(out) + "\n")
