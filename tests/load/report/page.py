"""The report as one HTML page without external resources: figures, and plots in SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from tests.load.report.checks import twice
from tests.load.report.plots import bars, curve, timeline

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6b7c; --line: #dfe5ec;
  --paper: #ffffff; --card: #f6f8fa; --one: #2563c9; --two: #c2410c; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --soft: #9aa8b8; --line: #2c3846;
  --paper: #131a22; --card: #1a232e; --one: #6ea8fe; --two: #fb9a64; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.5rem 4rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
p { margin: 0; color: var(--soft); } section { margin-top: 2.5rem; }
.cards { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .8rem 1rem; }
.card b { display: block; font-size: 1.45rem; font-weight: 600;
  font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: .85rem; }
.bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .4rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
svg { display: block; width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif;
  fill: var(--soft); } .grid { stroke: var(--line); } .one { stroke: var(--one); }
.two { stroke: var(--two); } .one, .two { fill: none; stroke-width: 2; }
.fill-one { fill: var(--one); } .fill-two { fill: var(--two); }
.plots { display: grid; gap: 2rem; grid-template-columns: repeat(auto-fit, minmax(28rem, 1fr)); }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
"""
_LATENCIES: Final = (
    ("delivered", "publish to delivery"), ("acked", "publish to acknowledgement"),
    ("pings", "ping"), ("rejoined", "cut to back in the room"),
)  # fmt: skip


def page(runs: Sequence[dict[str, Any]]) -> str:
    """Return the page for all runs of one scenario."""
    body = "".join(_run(number, run, len(runs)) for number, run in enumerate(runs, 1))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Load test: {escape(runs[0]['scenario']['name'])}</title>"
        f"<style>{_STYLE}</style>{_title(runs[0])}{body}{_footer(runs[0])}</html>\n"
    )


def _title(run: dict[str, Any]) -> str:
    scenario = run["scenario"]
    return (
        f"<h1>{escape(scenario['name'])}</h1><p>{escape(scenario['about'])}: "
        f"{scenario['clients']:,} clients, rooms: {scenario['rooms']:,}, nodes: "
        f"{scenario['nodes']}, {scenario['seconds']:g} seconds after "
        f"{scenario['warmup']:g} of warm-up</p>"
    )


def _run(number: int, run: dict[str, Any], count: int) -> str:
    heading = f"<section><h2>Run {number} of {count}</h2>" if count > 1 else "<section>"
    wrong = [*run["faults"], *["void: a generator used over 80% of its core"] * run["void"]]
    told = f'<p class="bad">Wrong: {escape(", ".join(wrong))}.</p>' if wrong else ""
    return (
        f'{heading}{told}<div class="cards">{_cards(run)}</div></section>'
        f"<section><h2>Latency from the intended time, ms</h2>{_latencies(run)}</section>"
        f'<section class="plots">{_plots(run)}</section>'
        f"<section><h2>What it cost</h2>{_costs(run)}</section>"
    )


def _cards(run: dict[str, Any]) -> str:
    connects = run["connects"]
    cards = [
        (f"{connects['ready']:,}", "clients in"),
        (f"{connects['per_second']:,.0f}/s", "connect, hello and join"),
        (_count(sum(run["failures"].values())), "failed to come in"),
    ]
    if run["scenario"]["rate"] or run["scenario"]["in_flight"]:
        offered = f" of {run['offered']:,.0f} offered" if run["offered"] else ""
        cards += [
            (f"{run['achieved']:,.0f}/s", f"messages acknowledged{offered}"),
            (_count(sum(run["refused"].values())), _refused(run["refused"])),
            (_count(run["unsent"] + run["unanswered"]), "not sent, or not answered"),
            (f"{run['deliveries_per_second']:,.0f}/s", "deliveries"),
            (_count(run["lost"]), "lost"),
            (_count(twice(run)), "delivered twice"),
            (_count(run["reordered"]), "out of order"),
        ]
    if run["us_per_delivery"]:
        cards.append((f"{run['us_per_delivery']:.2f} µs", "of the nodes' CPU for a delivery"))
    if run.get("times_floor"):
        cards.append((f"{run['times_floor']:.2f}", "of the bare-socket floor"))
    return "".join(
        f'<div class="card"><b>{value}</b><span>{escape(name)}</span></div>'
        for value, name in cards
    )


def _refused(codes: dict[str, int]) -> str:
    return f"refused ({', '.join(codes)})" if codes else "refused"


def _count(number: int) -> str:
    return f'<i class="bad">{number:,}</i>' if number else "0"


def _latencies(run: dict[str, Any]) -> str:
    heads = ("p50", "p95", "p99", "p99.9", "max")
    rows = "".join(
        f"<tr><td>{name}</td>"
        + "".join(f"<td>{run[key][head]:,.2f}</td>" for head in heads)
        + "</tr>"
        for key, name in _LATENCIES
        if run[key]
    )
    head = "".join(f"<th>{each}</th>" for each in heads)
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _plots(run: dict[str, Any]) -> str:
    plots = []
    if run["curve"]:
        plots.append(("Latency by percentile, ms", curve(run["curve"])))
    if run["timeline"]:
        plots.append(("Deliveries a second, and p99 in ms", timeline(run["timeline"])))
    if run["nodes"]:
        cpu = [(name, node["cpu"] * 100) for name, node in run["nodes"].items()]
        if run["redis"]:
            cpu.append(("redis", run["redis"]["cpu"] * 100))
        plots.append(("CPU, % of a core", bars(cpu, "%")))
        memory = [(name, node["rss_kib"] / 1024) for name, node in run["nodes"].items()]
        plots.append(("Resident memory, MiB", bars(memory, " MiB")))
    return "".join(f"<div><h2>{name}</h2>{plot}</div>" for name, plot in plots)


def _costs(run: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{name}</td><td>{node['cpu']:.1%}</td><td>{node['rss_kib'] / 1024:,.0f}</td>"
        f"<td>{_number(node['us_per_delivery'])}</td>"
        f"<td>{_number(node['kib_per_connection'])}</td></tr>"
        for name, node in run["nodes"].items()
    )
    if run["redis"]:
        redis = run["redis"]
        rows += (
            f"<tr><td>redis</td><td>{redis['cpu']:.1%}</td><td>{redis['rss_kib'] / 1024:,.0f}</td>"
            f"<td>{_number(redis['us_per_delivery'])} "
            f"({_number(redis['us_per_message'])} a message)</td>"
            f"<td>{_number(redis['kib_per_connection'])}</td></tr>"
        )
    return (
        "<table><tr><th></th><th>CPU</th><th>MiB</th><th>µs per delivery</th>"
        f"<th>KiB per connection</th></tr>{rows}</table>"
    )


def _number(value: float | None) -> str:
    return f"{value:,.2f}" if value is not None else "-"


def _footer(run: dict[str, Any]) -> str:
    machine, seed = run["machine"], run["scenario"]["seed"]
    moments = "messages evenly spaced" if seed is None else f"random moments, seed {seed}"
    facts = (
        f"{machine['at']} · commit {machine['commit']} · {machine['cores']} x "
        f"{machine['processor']} · {machine['system']} · Python {machine['python']} · "
        f"Trio {machine['trio']} · {machine['redis'].split(' sha=')[0]} · {moments}"
    )
    command = "python -m tests.load " + " ".join(machine["arguments"])
    return f"<footer>{escape(facts)}<br><code>{escape(command)}</code></footer>"
