"""The report as text for a terminal. Pure."""

from __future__ import annotations

from typing import Any, Final

from tests.load.report.checks import twice

_RED: Final = "\x1b[31m"
_PLAIN: Final = "\x1b[0m"
_PER_CPU: Final = ", {:,.0f} for each second of the nodes' CPU"
_LATENCIES: Final = (
    ("delivered_before", "publish → deliver, before"), ("delivered", "publish → deliver"),
    ("acked", "publish → ack"), ("pings", "ping"), ("signed_in", "connect to welcome"),
    ("rejoined", "back after the cut"),
)  # fmt: skip


def table(report: dict[str, Any], *, colour: bool = False) -> str:
    """Return one run's figures as text; with ``colour``, what is wrong is red."""
    scenario, connects = report["scenario"], report["connects"]
    per_cpu = _optional(_PER_CPU, report["connects_per_cpu_second"])
    lines = [
        "",
        _heading(scenario, report["machine"]),
        "",
        _row("connects", f"{connects['ready']:,} at {connects['per_second']:,.0f}/s{per_cpu}"),
        _fault("failures", _counts(report["failures"])) or _row("failures", "none"),
        *_messages(report),
    ]
    if report["rejoins"]:
        per_cpu = _optional(_PER_CPU, report["rejoins_per_cpu_second"])
        told = f"{report['rejoins']:,} at {report['rejoins_per_second']:,.1f}/s{per_cpu}"
        lines.append(_row("back after the cut", told))
    if report["lost_connections"]:
        lines.append(_row("connections lost", f"{report['lost_connections']:,}"))
    if report["slow_readers"]:
        by_nodes = _optional("{} closed with 4001 by the nodes; ", report["closed_as_slow"])
        found = f"they found: {_counts(report['slow_readers'])}"
        lines.append(_row("slow readers", by_nodes + found))
    lines += ["", f"{'':28}{'p50':>9}{'p95':>9}{'p99':>9}{'p99.9':>9}{'max':>9}  ms"]
    latencies = [
        ("connect to joined", connects["latency"]),
        ("connect to welcome, before", connects["signed_in"]),
    ]
    for name, latency in latencies + [(name, report[key]) for key, name in _LATENCIES]:
        if latency:
            values = "".join(f"{latency[p]:9.2f}" for p in ("p50", "p95", "p99", "p99.9", "max"))
            lines.append(f"{name:28}{values}")
    lines += _costs(report)
    if report["faults"]:
        lines += ["", _fault("WRONG", ", ".join(report["faults"]))]
    told = "\n".join(lines) + "\n"
    return told if colour else told.replace(_RED, "").replace(_PLAIN, "")


def _messages(report: dict[str, Any]) -> list[str]:
    """Return the lines about messages; none for a scenario that sends none."""
    scenario = report["scenario"]
    if not scenario["rate"] and not scenario["in_flight"]:
        return []
    offered = f" of {report['offered']:,.0f} offered" if report["offered"] else ""
    wrong = f"{report['lost']:,}, {twice(report):,}, {report['reordered']:,}"
    faults = {
        "refused": _counts(report["refused"]),
        "not sent": _optional("{:,}", report["unsent"] or None),
        "not answered": _optional("{:,}", report["unanswered"] or None),
    }
    return [
        _row("messages", f"{report['achieved']:,.0f}/s acknowledged{offered}"),
        *(_fault(name, told) for name, told in faults.items() if told),
        _row("deliveries", f"{report['deliveries_per_second']:,.0f}/s"),
        (_row if wrong == "0, 0, 0" else _fault)(
            "lost, twice, out of order", f"{wrong} of {report['expected']:,}"
        ),
    ]


def _heading(scenario: dict[str, Any], machine: dict[str, Any]) -> str:
    return (
        f"{scenario['name']}: {scenario['clients']:,} clients, {scenario['rooms']:,} rooms, "
        f"{scenario['seconds']:g} s  "
        f"({machine['commit']}, {machine['cores']} x {machine['processor']})"
    )


def _costs(report: dict[str, Any]) -> list[str]:
    lines = ["", f"{'':28}{'CPU':>9}{'MiB':>9}{'µs/delivery':>14}{'KiB/connection':>17}"]
    for name, node in report["nodes"].items():
        lines.append(
            f"{name:28}{node['cpu']:9.1%}{node['rss_kib'] / 1024:9.0f}"
            f"{_number(node['us_per_delivery']):>14}{_number(node['kib_per_connection']):>17}"
        )
    if report["redis"]:
        redis = report["redis"]
        lines.append(
            f"{'redis':28}{redis['cpu']:9.1%}{redis['rss_kib'] / 1024:9.0f}"
            f"{_number(redis['us_per_delivery']):>14}{_number(redis['kib_per_connection']):>17}"
            f"{_optional('   {:.0f} µs/message', redis['us_per_message'])}"
        )
    if report["us_per_delivery"]:
        whole = f"{report['us_per_delivery']:.2f} µs of the nodes' CPU for each delivery"
        if "floor" in report:
            whole += f": {report['times_floor']:.2f} of the floor, {report['floor']:.2f} µs"
        lines.append(_row("all nodes", whole))
        lines.append(_row("", f"{_number(report['us_per_message'])} µs for each message"))
    cores = ", ".join(f"{cpu:.0%}" for cpu in report["generator_cpu"])
    lines.append(_row("generators", f"{cores} of a core"))
    if report["void"]:
        lines += ["", _fault("VOID", "a generator used over 80% of its core, and measured itself")]
    return lines


def _row(name: str, value: str) -> str:
    return f"{name:28}{value}"


def _fault(name: str, value: str) -> str:
    return f"{_RED}{_row(name, value)}{_PLAIN}" if value else ""


def _optional(text: str, value: float | None) -> str:
    return text.format(value) if value is not None else ""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in counts.items())


def _number(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else "-"
