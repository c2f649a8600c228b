# SPDX-License-Identifier: Apache-2.0
"""The pages of the report: one front page and one page per source file, each complete in itself."""
import re
from pathlib import Path

import fault_page
import measure
import rpc_matrix
from html_parts import TOGGLE, esc, meter, page, source_name

KINDS = measure.Tally.KINDS
SHORT = {"INVALID_ARGUMENT": "INVALID ARG", "DEADLINE_EXCEEDED": "DEADLINE", "PERMISSION_DENIED": "DENIED", "UNIMPLEMENTED": "UNIMPL", "NOT_FOUND": "NOT FOUND",
         "FAILED_PRECONDITION": "PRECOND", "UNAVAILABLE": "UNAVAIL"}


def grade(percent, threshold):
    return "good" if percent >= threshold else "fair" if percent >= threshold - 15 else "poor"


def tally_meter(tally, kind, thresholds):
    return meter(tally.covered[kind], tally.total[kind], grade(tally.percent(kind), thresholds[kind]))


def card(tally, kind, thresholds):
    percent, least = tally.percent(kind), thresholds[kind]
    verdict = "good" if percent >= least else "poor"
    return (f'<div class="card {verdict}"><h3>{kind}</h3><p class="big">{percent:.1f}<span>%</span></p>'
            f'<span class="bar wide"><i style="width:{percent:.1f}%"></i><u style="left:{least}%"></u></span>'
            f"<p>{tally.covered[kind]} of {tally.total[kind]}, at least {least:g} %</p></div>")


def rpc_card(matrix):
    percent = 100 * matrix.covered() / max(matrix.possible(), 1)
    holes = sum(len(m.holes()) for m in matrix.methods)
    return (f'<div class="card rpc"><h3>RPC outcomes</h3><p class="big">{percent:.1f}<span>%</span></p>'
            f'<span class="bar wide"><i style="width:{percent:.1f}%"></i></span>'
            f'<p>{matrix.covered()} of {matrix.possible()}, <a href="#rpc">{holes} holes</a></p></div>')


def file_rows(files, thresholds):
    return "".join(f'<tr><td><a href="{esc(source_name(f.path))}">{esc(Path(f.path).name)}</a></td>'
                   + "".join(tally_meter(f.tally, kind, thresholds) for kind in KINDS) + "</tr>" for f in files)


def folder_table(files, thresholds):
    heads = "".join(f"<th>{kind}</th>" for kind in KINDS)
    body = ""
    for folder, tally in measure.by_folder(files).items():
        members = [f for f in files if f.folder == folder]
        meters = "".join(tally_meter(tally, kind, thresholds) for kind in KINDS)
        body += (f'<tbody><tr class="folder"><td><button aria-expanded="false">{esc(folder)}</button> <small>{len(members)} files</small>'
                 f"</td>{meters}</tr></tbody><tbody hidden>{file_rows(members, thresholds)}</tbody>")
    return f'<table class="files"><thead><tr><th>folder</th>{heads}</tr></thead>{body}</table>'


def cell(method, outcome):
    tests = method.seen.get(outcome, {})
    if tests:
        names = "\n".join(f"{name} ({calls}x)" for name, calls in sorted(tests.items()))
        kind = "hit" if outcome in method.possible else "extra" if outcome in method.allowed else "odd"
        return f'<td class="{kind}" title="{esc(names)}">{len(tests)}</td>'
    if outcome in method.possible:
        return f'<td class="hole" title="No test makes {esc(method.name)} answer {esc(outcome)}.">hole</td>'
    return "<td></td>"


def tests_of(method):
    items = "".join(f"<dt>{esc(outcome)}</dt><dd>{esc(', '.join(sorted(tests)))}</dd>" for outcome, tests in sorted(method.seen.items()))
    return f"<dl>{items}</dl>" if items else "<p>No test calls it.</p>"


def matrix_table(matrix):
    used = {outcome for method in matrix.methods for outcome in method.possible | set(method.seen)}
    columns = [c for c in rpc_matrix.COLUMNS if c in used] + sorted(used - set(rpc_matrix.COLUMNS))
    heads = "".join(f'<th title="{esc(c)}">{esc(SHORT.get(c, c))}</th>' for c in columns)
    body = ""
    for method in sorted(matrix.methods, key=lambda m: not m.built):
        state = f' <small class="later">{method.state}</small>' if method.state else ""
        cells = "".join(cell(method, column) for column in columns)
        body += (f'<tbody><tr><td><button aria-expanded="false">{esc(method.name)}</button>{state}</td>{cells}</tr></tbody>'
                 f'<tbody hidden><tr><td colspan="{len(columns) + 1}">{tests_of(method)}</td></tr></tbody>')
    return f'<div class="scroll"><table class="matrix"><thead><tr><th>method</th>{heads}</tr></thead>{body}</table></div>'


def front(files, matrix, faults, thresholds, about):
    tally = measure.total(files)
    cards = "".join(card(tally, kind, thresholds) for kind in KINDS) + rpc_card(matrix) + fault_page.front_card(faults)
    body = (f'<header><h1>Tatami <span>coverage</span></h1><p>{esc(about)}</p></header><main>'
            f'<section class="cards">{cards}</section>'
            f"<section><h2>By folder</h2><p>The thresholds count lib/ and agent/. Code that runs in a container's child counts like any "
            f"other. Open a folder for its files.</p>{folder_table(files, thresholds)}</section>"
            f'<section id="rpc"><h2>RPC matrix</h2><p>How many tests saw a method end that way, over real sockets. '
            f'<span class="key hit">n</span> tests, <span class="key hole">hole</span> possible but never seen, '
            f'<span class="key odd">n</span> seen but not in the sheet. Open a method for the names of the tests.</p>'
            f"{matrix_table(matrix)}</section>"
            f'<section><h2>Fault matrix</h2><p>Every place in lib/ and agent/ that enters the kernel: is it reached by a fault sweep, was it '
            f'seen failing, and in how many of the ways that its manual page lists? <a href="{fault_page.PAGE}">All places, and the holes.'
            f"</a></p>{fault_page.front_table(faults)}</section></main>")
    return page("Tatami coverage", body, TOGGLE)


COMMENT = re.compile(r"^(\s*(?:/\*| \*|//).*)$")


def source_row(file, number, text):
    line = file.lines.get(number)
    code = f"<em>{esc(text)}</em>" if COMMENT.match(text) else esc(text)
    if not line:
        return f'<tr id="l{number}"><td>{number}</td><td></td><td></td><td><pre>{code}</pre></td></tr>'
    taken, branches = sum(b["count"] > 0 for b in line["branches"]), len(line["branches"])
    kind = "miss" if not line["count"] else "part" if taken < branches else "hit"
    marks = f'<span title="{taken} of {branches} branches taken">{taken}/{branches}</span>' if branches else ""
    return (f'<tr id="l{number}" class="{kind}"><td>{number}</td><td>{line["count"]}</td><td>{marks}</td>'
            f"<td><pre>{code}</pre></td></tr>")


JUMP = """
const todo = [...document.querySelectorAll('tr.miss, tr.part')].filter(
  r => !r.previousElementSibling || r.previousElementSibling.className !== r.className);
let at = -1;
function jump(step) {
  if (!todo.length) return;
  at = (at + step + todo.length) % todo.length;
  todo[at].scrollIntoView({ block: 'center' });
  todo.forEach((r, i) => r.classList.toggle('current', i === at));
}
document.addEventListener('keydown', e => { if (e.key === 'n') jump(1); if (e.key === 'p') jump(at < 0 ? 0 : -1); });
document.getElementById('next').onclick = () => jump(1);
"""


def source(file, thresholds):
    meters = "".join(tally_meter(file.tally, kind, thresholds) for kind in KINDS)
    heads = "".join(f"<th>{kind}</th>" for kind in KINDS)
    unused = [f for f in file.functions if not f["execution_count"]]
    links = ", ".join(f'<a href="#l{f["lineno"]}">{esc(f["name"])}()</a>' for f in unused)
    rows = "".join(source_row(file, n, text) for n, text in enumerate(file.text, 1))
    body = (f'<header><h1><a href="../index.html">Tatami</a> <span>{esc(file.path)}</span></h1>'
            f'<table class="files small"><tr>{heads}</tr><tr>{meters}</tr></table>'
            f"<p>{'Never called: ' + links if links else ''}</p>"
            f'<p><button id="next" class="go">next uncovered</button> <small>or the keys n and p</small></p></header>'
            f'<main><div class="scroll"><table class="source">{rows}</table></div></main>')
    return page(file.path, body, JUMP)
