# SPDX-License-Identifier: Apache-2.0
"""What the pages of the report share."""
import html
from pathlib import Path

ASSETS = Path(__file__).resolve().parent


def esc(text):
    return html.escape(str(text), quote=True)


def page(title, body, script=""):
    style = (ASSETS / "style.css").read_text()
    script = f"<script>{script}</script>" if script else ""
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{esc(title)}</title><style>\n{style}</style></head><body>{body}{script}</body></html>\n")


def meter(covered, total, grade):
    """A bar, the percentage and the counts; a dash where there is nothing to cover."""
    if not total:
        return '<td class="meter none">–</td>'
    percent = 100.0 * covered / total
    return (f'<td class="meter {grade}"><span class="bar"><i style="width:{percent:.1f}%"></i></span>'
            f"<b>{percent:.1f}</b><small>{covered}/{total}</small></td>")


def source_name(path):
    return "source/" + path.replace("/", "_") + ".html"


# Buttons that show and hide the table body behind their own.
TOGGLE = """
document.querySelectorAll('button[aria-expanded]').forEach(b => b.onclick = () => {
  const rows = b.closest('tbody').nextElementSibling;
  rows.hidden = !rows.hidden;
  b.setAttribute('aria-expanded', String(!rows.hidden));
});
"""
