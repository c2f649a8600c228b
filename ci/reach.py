# SPDX-License-Identifier: Apache-2.0
"""Which lines each test executes: a mutant of a line that a test never reaches is not worth asking that test.

The test runs once in the coverage flavour. gcov's counters go to a private folder, so a measured coverage stays what it was.
"""
import json
import shutil
import subprocess
from pathlib import Path


def executed_lines(top, build, counters):
    """{source: its executed lines} of the counters that a program of the coverage build has written below a folder."""
    written = []
    for data in Path(counters).rglob("*.gcda"):
        notes = Path("/") / data.relative_to(counters).with_suffix(".gcno")
        if notes.exists() and notes.is_relative_to(top / build):
            data.with_suffix(".gcno").symlink_to(notes)
            written.append(str(data))
    if not written:
        return {}
    out = subprocess.run(["gcov", "--json-format", "--stdout"] + written, capture_output=True, text=True, cwd=top)
    lines = {}
    for report in out.stdout.splitlines():
        for file in json.loads(report)["files"]:
            if file["file"].endswith(".c"):
                lines.setdefault(file["file"], set()).update(line["line_number"] for line in file["lines"] if line["count"])
    return lines


class Reach:
    """Remembers between runs what was measured, as long as the programs are the same."""

    def __init__(self, build, store):
        self.build, self.store = Path(build), Path(store)
        self.known = json.loads(self.store.read_text()) if self.store.exists() else {}

    @staticmethod
    def stamp(*programs):
        return [[p.stat().st_mtime_ns, p.stat().st_size] for p in programs]

    def recall(self, program, measured):
        """What is known of a program, or None when it or its measured twin changed."""
        entry = self.known.get(program)
        return entry if entry and entry["stamp"] == self.stamp(Path(program), measured) else None

    def measure(self, program, measured, run, folder):
        """run(program, environment) executes a program; returns its lines."""
        counters = (folder / "counters").absolute()
        shutil.rmtree(counters, ignore_errors=True)
        run(str(measured), {"GCOV_PREFIX": str(counters)})
        return executed_lines(Path.cwd(), self.build, counters)

    def remember(self, program, measured, passed, seconds, lines):
        self.known[program] = {"stamp": self.stamp(Path(program), measured), "passed": passed, "seconds": seconds,
                               "lines": {path: sorted(found) for path, found in lines.items()}}

    def save(self):
        self.store.write_text(json.dumps(self.known))
