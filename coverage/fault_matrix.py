#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fault matrix: every place in lib/ and agent/ that enters the kernel, against every way in which its call can fail.

    coverage/fault_matrix.py LOG      prints the summary

The fault sweeps of the simulation write the log (mocks/harness/fault_log.h). The places are found in the sources; how a call can
fail: mocks/kernel/errnos.tsv. coverage/fault-holes.tsv says of which places it is known that no sweep reaches them, and why.
"""
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
ERRNOS = TOP / "mocks/kernel/errnos.tsv"
KNOWN_HOLES = TOP / "coverage/fault-holes.tsv"
ENDS = ("refused", "unaffected", "lost", "later")  # of the log, in its order

TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
CALL = re.compile(r"\bsys_(\w+)\s*\(")
FUNCTION = re.compile(r"^\w[^;=\n]*?\b(\w+)\(", re.M)


class Site:
    """One place, and what the sweeps saw there."""

    def __init__(self, path, line, call, function, errnos):
        self.path, self.line, self.call, self.function = path, line, call, function
        self.possible = errnos
        self.why_hole = ""            # a known hole
        self.reached = Counter()      # sweep -> calls
        self.sure = 0                 # of these, how many no fault can strike
        self.failed = defaultdict(lambda: defaultdict(Counter))  # errno -> sweep -> end -> runs

    def name(self):
        return f"{self.path}:{self.line}"

    def can_fail(self):
        return bool(self.possible) and not (self.reached and self.sure == self.reached.total())

    def state(self):
        """failed: with at least one errno; reached, never: what is missing; none: nothing to ask for."""
        if not self.can_fail():
            return "none"
        return "failed" if self.failed else "reached" if self.reached else "never"

    def untried(self):
        return [errno for errno in self.possible if errno not in self.failed] if self.can_fail() else []

    def ends(self, errno=None):
        total = Counter()
        for sweeps in [self.failed[errno]] if errno else self.failed.values():
            for ends in sweeps.values():
                total.update(ends)
        return total

    def to_json(self):
        return {"file": self.path, "line": self.line, "function": self.function, "call": self.call, "state": self.state(),
                "known_hole": self.why_hole, "reached": dict(sorted(self.reached.items())), "untried": self.untried(),
                "failed": {errno: {sweep: dict(ends) for sweep, ends in sorted(sweeps.items())}
                           for errno, sweeps in sorted(self.failed.items())}}


class Tally:
    """Sites that can fail, those that were reached, those that failed; (site, errno) pairs and those that were tried."""

    def __init__(self, sites):
        asked = [s for s in sites if s.can_fail()]
        self.sites = len(asked)
        self.reached = sum(bool(s.reached) for s in asked)
        self.failed = sum(bool(s.failed) for s in asked)
        self.pairs = sum(len(s.possible) for s in asked)
        self.tried = self.pairs - sum(len(s.untried()) for s in asked)


class Matrix:
    def __init__(self, sites):
        self.sites = sites
        self.strangers = []  # addresses of the log that are no known site
        self.stale = []      # known holes that are none

    def tally(self):
        return Tally(self.sites)

    def ends(self):
        return sum((s.ends() for s in self.sites), Counter())

    def holes(self):
        """Places that were never seen failing and could have been, but for the known ones."""
        return [s for s in self.sites if s.state() in ("never", "reached") and not s.why_hole]

    def known_holes(self):
        return [s for s in self.sites if s.state() in ("never", "reached") and s.why_hole]

    def by_file(self):
        files = defaultdict(list)
        for site in self.sites:
            files[site.path].append(site)
        return dict(sorted(files.items()))

    def to_json(self):
        return {**vars(self.tally()), "ends": dict(self.ends()), "holes": [s.name() for s in self.holes()],
                "places": [s.to_json() for s in self.sites]}


def read_rows(path):
    for line in path.read_text().splitlines() if path.exists() else []:
        if line and not line.startswith("#"):
            yield line.split("\t")


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def scan(path, text, errnos):
    """The sites of one source file. Two calls of one kind in a line count as one."""
    text = TEXT.sub(blank, text)
    functions = [(m.start(), m[1]) for m in FUNCTION.finditer(text)]
    found = {}
    for match in CALL.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        function = next((name for start, name in reversed(functions) if start < match.start()), "")
        found[line, match[1]] = Site(path, line, match[1], function, errnos.get(match[1], []))
    return list(found.values())


def read_sites(top):
    errnos = {row[0]: row[1].split() for row in read_rows(top / "mocks/kernel/errnos.tsv")}
    sites = []
    for folder in ("agent", "lib"):
        for path in sorted((top / folder).rglob("*.c")):
            name = str(path.relative_to(top))
            if "/tests/" not in name and not name.startswith("lib/sys/sys_"):
                sites += scan(name, path.read_text(), errnos)
    return sites


def locate(program, addresses):
    """The place "FILE:LINE" in front of each address of a program."""
    text = "".join(f"{int(address, 16) - 1:#x}\n" for address in addresses)
    out = subprocess.run(["addr2line", "-e", program], input=text, capture_output=True, text=True, check=True).stdout
    return dict(zip(addresses, (line.split(" ")[0] for line in out.splitlines())))


def relative(place, top):
    return place.removeprefix(f"{top}/")


def add_row(site, row):
    _, sweep, _, _, reached, sure, *failures = row
    site.reached[sweep] += int(reached)
    site.sure += int(sure)
    for failure in failures:
        errno, *ends = failure.split(":")
        site.failed[errno][sweep].update({end: int(n) for end, n in zip(ENDS, ends) if int(n)})


def excuse(matrix):
    """Known holes: a row names a file and a call, a function() or * in it."""
    for path, what, why in read_rows(KNOWN_HOLES):
        meant = [s for s in matrix.sites if s.path == path and what in ("*", s.call, f"{s.function}()")]
        excused = [s for s in meant if s.state() in ("never", "reached")]
        for site in excused:
            site.why_hole = why
        if not excused:
            matrix.stale.append(f"{path} {what}")


def load(log, top=TOP, place_of=locate):
    matrix = Matrix(read_sites(top))
    sites = {(s.name(), s.call): s for s in matrix.sites}
    rows = list(read_rows(Path(log)))
    for program in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == program]
        places = place_of(program, sorted({row[3] for row in own}))
        for row in own:
            place = relative(places[row[3]], top)
            if (place, row[2]) in sites:
                add_row(sites[place, row[2]], row)
            elif not place.startswith(("mocks/", "runtime-min/")):  # the programs in a container are none of ours
                matrix.strangers.append(f"{row[2]} at {place}")
    excuse(matrix)
    return matrix


def summary(matrix):
    tally, ends = matrix.tally(), matrix.ends()
    out = [f"Kernel call sites seen failing: {tally.failed} of {tally.sites} (reached: {tally.reached}), "
           f"with {tally.tried} of {tally.pairs} (site, errno) pairs; "
           f"{ends.total() - ends['later']} faults: {ends['refused']} refused, {ends['unaffected']} borne, {ends['lost']} cut the connection"]
    holes = matrix.holes()
    for state, title in (("never", "never reached"), ("reached", "reached, never failed")):
        files = defaultdict(list)
        for site in holes:
            if site.state() == state:
                files[site.path].append(f"{site.line} {site.call}")
        out += [f"  {title}: {path}: {', '.join(places)}" for path, places in sorted(files.items())]
    known = matrix.known_holes()
    if known:
        out.append(f"  known holes: {len(known)} (coverage/fault-holes.tsv says why)")
    out += [f"  no hole any more: {row}" for row in matrix.stale]
    out += [f"  not understood: {stranger}" for stranger in matrix.strangers[:5]]
    return "\n".join(out)


if __name__ == "__main__":
    print(summary(load(sys.argv[1])))
