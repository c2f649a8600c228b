# SPDX-License-Identifier: Apache-2.0
"""The page of the fault matrix, and its summary for the front page."""
from collections import Counter, defaultdict
from pathlib import Path

from fault_matrix import Tally
from html_parts import TOGGLE, esc, meter, page, source_name

PAGE = "faults.html"
STATES = {"never": "never reached", "reached": "never failed", "none": "cannot fail", "failed": ""}
ENDS = {"refused": "answered with an error", "unaffected": "without effect on the answer", "lost": "cut the connection",
        "later": "later in a run of another place"}


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def grade(part, whole):
    return "good" if part == whole else "fair" if percent(part, whole) >= 80 else "poor"


def card(title, part, whole, note):
    share = percent(part, whole)
    return (f'<div class="card rpc"><h3>{title}</h3><p class="big">{share:.1f}<span>%</span></p>'
            f'<span class="bar wide"><i style="width:{share:.1f}%"></i></span><p>{part} of {whole}{note}</p></div>')


def front_card(faults):
    tally = faults.tally()
    return card("Failing kernel calls", tally.failed, tally.sites, f', <a href="{PAGE}">{len(faults.holes())} holes</a>')


def meters(tally):
    return (meter(tally.reached, tally.sites, grade(tally.reached, tally.sites))
            + meter(tally.failed, tally.sites, grade(tally.failed, tally.sites))
            + meter(tally.tried, tally.pairs, grade(tally.tried, tally.pairs)))


HEADS = "<th>reached</th><th>seen failing</th><th>ways to fail</th>"


def by_folder(faults):
    """Folder -> path -> sites."""
    folders = defaultdict(dict)
    for path, sites in faults.by_file().items():
        folders[str(Path(path).parent)][path] = sites
    return folders


def tally_all(files):
    return Tally(sum(files.values(), []))


def front_table(faults):
    rows = "".join(f'<tr><td><a href="{PAGE}#{esc(folder)}">{esc(folder)}</a></td>{meters(tally_all(files))}</tr>'
                   for folder, files in by_folder(faults).items() if tally_all(files).sites)
    return f'<table class="files flat"><thead><tr><th>folder</th>{HEADS}</tr></thead><tbody>{rows}</tbody></table>'


def place(site):
    return f'<a href="{esc(source_name(site.path))}#l{site.line}">{site.line}</a>'


def errno_chip(site, errno):
    if errno not in site.failed:
        return f'<span class="chip hole" title="never tried">{errno}</span>'
    ends = site.ends(errno)
    sweeps = ", ".join(sorted(site.failed[errno]))
    what = "\n".join(f"{ends[end]} {text}" for end, text in ENDS.items() if ends[end])
    return f'<span class="chip hit" title="{esc(what)}\n{esc(sweeps)}">{errno}</span>'


def ends_text(site):
    ends = site.ends()
    return " ".join(f'<span class="end {end}" title="{text}">{ends[end]}</span>' for end, text in ENDS.items()
                    if ends[end] and end != "later")


def state_chip(site):
    state = STATES[site.state()]
    kind = {"never": "hole", "reached": "hole", "none": "none"}.get(site.state(), "")
    if site.why_hole and kind == "hole":
        return f'<span class="chip odd">{state}</span> <small>{esc(site.why_hole)}</small>'
    return f'<span class="chip {kind}">{state}</span>' if state else ""


def site_row(site):
    """Ways to fail, where there is something to tell of them; else why there is not."""
    errnos = "".join(errno_chip(site, errno) for errno in [*site.possible, *sorted(set(site.failed) - set(site.possible))])
    sweeps = f'<small title="{esc(", ".join(sorted(site.reached)))}">{len(site.reached)}</small>' if site.reached else ""
    return (f'<tr><td>{place(site)}</td><td><code>{esc(site.function)}</code></td><td><code>{esc(site.call)}</code></td>'
            f"<td>{sweeps}</td><td>{state_chip(site) if site.state() != 'failed' else errnos}</td><td>{ends_text(site)}</td></tr>")


SITE_HEADS = ("<tr><th>line</th><th>function</th><th>call</th><th>sweeps</th><th>failed with</th><th>ends</th></tr>")


def file_rows(path, sites):
    tally = Tally(sites)
    rows = "".join(site_row(site) for site in sites)
    return (f'<tbody><tr class="file"><td><button aria-expanded="false">{esc(Path(path).name)}</button></td>{meters(tally)}</tr></tbody>'
            f'<tbody hidden><tr><td colspan="4"><table class="sites">{SITE_HEADS}{rows}</table></td></tr></tbody>')


def file_tables(faults):
    body = ""
    for folder, files in by_folder(faults).items():
        body += (f'<tbody id="{esc(folder)}"><tr class="folder"><td>{esc(folder)}</td>{meters(tally_all(files))}</tr></tbody>'
                 + "".join(file_rows(path, sites) for path, sites in files.items()))
    return f'<table class="files faults"><thead><tr><th>file</th>{HEADS}</tr></thead>{body}</table>'


def hole_table(sites):
    rows = "".join(f'<tr><td><a href="{esc(source_name(s.path))}#l{s.line}">{esc(s.path)}:{s.line}</a></td><td><code>{esc(s.function)}</code></td>'
                   f"<td><code>{esc(s.call)}</code></td><td>{state_chip(s)}</td></tr>" for s in sites)
    return f'<table class="sites boxed"><tr><th>place</th><th>function</th><th>call</th><th></th></tr>{rows}</table>'


def untried_table(faults):
    """What is left to try at places that have been seen failing: mostly calls that only happen after another fault."""
    untried = Counter(errno for site in faults.sites if site.state() == "failed" for errno in site.untried())
    return " ".join(f'<span class="chip hole">{errno}</span> <small>{n}</small>' for errno, n in untried.most_common())


def fault_page(faults, about):
    tally, ends, holes = faults.tally(), faults.ends(), faults.holes()
    cards = (card("Seen failing", tally.failed, tally.sites, " call sites") + card("Reached", tally.reached, tally.sites, " call sites")
             + card("Ways to fail", tally.tried, tally.pairs, " pairs of site and errno")
             + f'<div class="card"><h3>Faults</h3><p class="big">{ends.total() - ends["later"]}</p>'
               f'<p>{ends["refused"]} answered with an error, {ends["unaffected"]} without effect on the answer, '
               f'{ends["lost"]} cut the connection</p></div>')
    known = faults.known_holes()
    left = untried_table(faults)
    body = (f'<header><h1><a href="index.html">Tatami</a> <span>fault matrix</span></h1><p>{esc(about)}</p></header><main>'
            f'<section class="cards">{cards}</section>'
            f"<section><h2>Holes</h2><p>Places in lib/ and agent/ that enter the kernel, whose call can fail, and that no fault sweep "
            f"has seen failing.</p>{hole_table(holes) if holes else '<p>None.</p>'}</section>"
            + (f"<section><h2>Known holes</h2><p>From coverage/fault-holes.tsv.</p>{hole_table(known)}</section>" if known else "")
            + (f"<section><h2>Not tried</h2><p>Errnos, with the number of places that have failed in other ways only.</p><p>{left}</p></section>" if left else "")
            + f"<section><h2>All call sites</h2><p>Open a file for its call sites. A "
              f'<span class="chip hit">green</span> errno was tried there, a <span class="chip hole">red</span> one was not; hold the '
              f'pointer over it for how these runs ended. Ends: <span class="end refused">n</span> answered with an error, '
              f'<span class="end unaffected">n</span> without effect on the answer, <span class="end lost">n</span> cut the connection.</p>'
              f"{file_tables(faults)}</section></main>")
    return page("Tatami fault matrix", body, TOGGLE)
