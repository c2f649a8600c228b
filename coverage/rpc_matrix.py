#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""RPC matrix: every method against every outcome it can have, and the tests that saw it.

    coverage/rpc_matrix.py LOG        prints the summary

The test client writes the log: a line METHOD<TAB>OUTCOME<TAB>TEST for each call; tests in the simulation have names that begin
with "simulation". What is possible: coverage/rpc-outcomes.tsv.
"""
import sys
from collections import defaultdict
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SERVICES = TOP / "fixtures/spec/services.tsv"
OUTCOMES = TOP / "coverage/rpc-outcomes.tsv"
SIMULATION = "simulation"
ALWAYS = ("CANCELLED", "DEADLINE_EXCEEDED", "UNKNOWN")
STATES = {"done": "", "later": "not built yet", "never": "answers so for good"}
# Columns in the order of a reader's interest.
COLUMNS = ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "PERMISSION_DENIED", "UNIMPLEMENTED", "INTERNAL",
           "UNAVAILABLE", "UNKNOWN", "CANCELLED", "DEADLINE_EXCEEDED")


class Method:
    def __init__(self, service, name, state, outcomes):
        self.service = service
        self.name = name
        self.built = state == "done"
        self.state = STATES[state]
        asked, _, allowed = " ".join(outcomes).partition("|")
        self.possible = set(asked.split()) | set(ALWAYS) if self.built else {"UNIMPLEMENTED"}
        self.allowed = self.possible | set(allowed.split()) | {"UNAVAILABLE"}
        self.seen = defaultdict(lambda: defaultdict(int))  # outcome -> test -> calls

    def holes(self):
        return [outcome for outcome in COLUMNS if outcome in self.possible and not self.seen.get(outcome)]

    def simulated(self):
        return {o for o in self.possible if any(test.startswith(SIMULATION) for test in self.seen.get(o, ()))}

    def unexpected(self):
        return sorted(outcome for outcome in self.seen if outcome not in self.allowed)


class Matrix:
    def __init__(self, methods):
        self.methods = methods
        self.strangers = []  # lines of the log that name no method

    def possible(self):
        return sum(len(m.possible) for m in self.methods)

    def covered(self):
        return sum(len(m.possible) - len(m.holes()) for m in self.methods)

    def simulated(self):
        return sum(len(m.simulated()) for m in self.methods)

    def to_json(self):
        return {"covered": self.covered(), "simulated": self.simulated(), "possible": self.possible(),
                "methods": [
            {"service": m.service, "method": m.name, "built": m.built, "holes": m.holes(), "unexpected": m.unexpected(),
             "outcomes": {outcome: dict(tests) for outcome, tests in sorted(m.seen.items())}} for m in self.methods]}


def read_rows(path):
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def read_methods():
    """The methods that an agent serves, in the order of services.tsv; each must have its row of outcomes."""
    outcomes = {row[0]: (row[1], row[2].split()) for row in read_rows(OUTCOMES)}
    services = [(row[1], row[2]) for row in read_rows(SERVICES) if row[0] == "grpc"] if SERVICES.exists() else \
        [("", name) for name in outcomes]
    missing = [name for _, name in services if name not in outcomes]
    if missing:
        sys.exit(f"{OUTCOMES}: no row for {' '.join(missing)}")
    return [Method(service, name, *outcomes[name]) for service, name in services]


def load(log):
    matrix = Matrix(read_methods())
    by_name = {method.name: method for method in matrix.methods}
    for line in Path(log).read_text().splitlines() if Path(log).exists() else []:
        fields = line.split("\t")
        name = fields[0].replace(".", "/").split("/")[-1]
        if len(fields) != 3 or name not in by_name:
            # A test of unknown methods gets the answer that these deserve.
            if fields[1:2] != ["UNIMPLEMENTED"]:
                matrix.strangers.append(line)
            continue
        by_name[name].seen[fields[1]][fields[2]] += 1
    return matrix


def summary(matrix):
    out = [f"RPC outcomes covered: {matrix.covered()} of {matrix.possible()}, in the simulation {matrix.simulated()}"]
    holes = [(m, m.holes()) for m in matrix.methods if m.holes()]
    out += [f"  hole: {m.name:32} {' '.join(h)}" for m, h in holes if m.built]
    missed = [(m, m.possible - m.simulated() - set(m.holes())) for m in matrix.methods]
    out += [f"  not in the simulation: {m.name:16} {' '.join(sorted(outcomes))}" for m, outcomes in missed if outcomes]
    unanswered = [m.name for m, _ in holes if not m.built]
    if unanswered:
        out.append("  not yet built, and no test sees that: " + " ".join(unanswered))
    out += [f"  not in the sheet: {m.name} answered {' '.join(m.unexpected())}" for m in matrix.methods if m.unexpected()]
    out += [f"  not understood: {line!r}" for line in matrix.strangers[:5]]
    return "\n".join(out)


if __name__ == "__main__":
    print(summary(load(sys.argv[1])))
