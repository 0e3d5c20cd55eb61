"""The report as one HTML page that needs nothing else: tables, and pictures as inline SVG."""

from __future__ import annotations

from html import escape

from edgesnn import __version__
from edgesnn.compress import report_pictures as pictures
from edgesnn.compress import report_tables as tables
from edgesnn.compress.report import CompressionReport, PictureData
from edgesnn.compress.report_tables import ReportTable

_LOOKS = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  background: light-dark(#fff, #16181c); color: light-dark(#1c1e21, #dfe3e8); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: 0.9rem; }
.wide { overflow-x: auto; }
th, td { padding: 0.2rem 0.7rem; text-align: left; border-bottom: 1px solid #8885; }
th { white-space: nowrap; } .number { text-align: right; font-variant-numeric: tabular-nums; }
tr.all td { font-weight: 600; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
figcaption, .note { font-size: 0.85rem; opacity: 0.8; max-width: 46rem; }
"""


def _table(table: ReportTable) -> str:
    numeric = [
        all(
            isinstance(row[i], int | float | None) or str(row[i]).endswith(" %")
            for row in table.rows
        )
        for i in range(len(table.columns))
    ]
    classes = [' class="number"' if n else "" for n in numeric]
    head = "".join(
        f'<th scope="col"{c}>{escape(name)}</th>'
        for name, c in zip(table.columns, classes, strict=True)
    )
    lines = []
    for row in table.rows:
        cells = "".join(
            f"<td{c}>{escape(tables.text_of(cell))}</td>"
            for cell, c in zip(row, classes, strict=True)
        )
        lines.append(f"<tr>{cells}</tr>")
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    body = "\n".join(lines)
    return (
        f'{note}\n<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _picture(svg: str, caption: str, count: int = 0) -> str:
    """``svg`` with a caption; nothing without a picture.

    count   things to show; the caption says if a picture has no room for all
    """
    if not svg:
        return ""
    if count > pictures.MAX_PANELS:
        caption += f" The first {pictures.MAX_PANELS} of {count} are shown."
    text = escape(caption)
    labelled = svg.replace("<svg", f'<svg role="img" aria-label="{text}"', 1)
    return f"<figure>\n{labelled}\n<figcaption>{text}</figcaption></figure>"


def _section(table: ReportTable, *shown: str) -> str:
    """A table and its pictures; nothing if the table is empty."""
    if not table.rows:
        return ""
    parts = [f"<h2>{escape(table.title)}</h2>", _table(table), *filter(None, shown)]
    return "\n".join(["<section>", *parts, "</section>"])


def page(report: CompressionReport, data: PictureData, title: str) -> str:
    """The whole page as HTML text, of about 100 kB.

    title   of the page, as the name of the model
    """
    steps = _picture(pictures.steps(report), "Time and accuracy of each step.")
    codes = _picture(
        pictures.codes(data), "How often each code occurs, synapse by synapse.", len(data.codes)
    )
    storage = _picture(
        pictures.storage(report), "Bits for each synapse that is left.", len(report.layers)
    )
    rates = _picture(
        pictures.rates(data),
        "Spikes per step of every neuron on the calibration samples, network against model; on the "
        "line they are the same.",
        len(data.rates),
    )
    thresholds = _picture(
        pictures.thresholds(data),
        "Thresholds in units of each neuron's membrane.",
        len(data.thresholds),
    )
    alike = _picture(
        pictures.similarity(data),
        "CKA of every population of the model with every one of the network, on the same windows.",
        len(report.populations),
    )
    work = _picture(
        pictures.work(report),
        "Synaptic operations into each population for one decision.",
        len(report.populations),
    )
    lead = "".join(f"<p>{escape(text)}.</p>\n" for text in tables.sentences(report))
    sections = (
        _section(tables.steps(report), steps),
        _section(tables.connections(report), codes),
        _section(tables.storage(report), storage),
        _section(tables.populations(report), rates, thresholds),
        _section(tables.distances(report), alike),
        _section(tables.work(report), work),
        _section(tables.boards(report)),
        _section(tables.settings(report)),
    )
    body = "\n".join(filter(None, sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_LOOKS}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{lead}{body}\n"
        f'<p class="note">edgesnn {escape(__version__)}</p>\n</body>\n</html>\n'
    )
