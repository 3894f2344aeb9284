"""The report on the terminal."""

from __future__ import annotations

from typing import Any, Final

_LATENCIES: Final = (
    ("delivered", "publish → deliver"), ("acked", "publish → ack"), ("pings", "ping"),
    ("rejoined", "back after the cut"),
)  # fmt: skip


def table(report: dict[str, Any]) -> str:
    """Give one run's figures as text."""
    scenario, connects = report["scenario"], report["connects"]
    lines = [
        "",
        _heading(scenario, report["machine"]),
        "",
        _row("connects", f"{connects['ready']:,} at {connects['per_second']:,.0f}/s"
             + _optional(", {:,.0f} for each second of the nodes' CPU",
                         connects["per_node_cpu_second"])),
        _row("failures", _counts(connects["failures"]) or "none"),
    ]  # fmt: skip
    if report["deliveries"]:
        lines += [
            _row("messages", f"{report['achieved']:,.0f}/s"
                 + (f" of {report['offered']:,.0f} offered" if report["offered"] else "")),
            _row("deliveries", f"{report['deliveries_per_second']:,.0f}/s"),
            _row("lost, twice, out of order",
                 f"{report['lost']}, {report['duplicated'] + report['repeated']}, "
                 f"{report['reordered']} of {report['expected']:,}"),
        ]  # fmt: skip
    if report["lost_connections"] or report["slow_readers"]:
        slow = _counts(report["slow_readers"])
        lines.append(
            _row("connections lost", f"{report['lost_connections']:,}"
                 + (f"; slow readers closed with {slow}" if slow else ""))
        )  # fmt: skip
    lines += ["", f"{'':28}{'p50':>9}{'p95':>9}{'p99':>9}{'p99.9':>9}{'max':>9}  ms"]
    latencies = [("connect to joined", connects["latency"])]
    for name, latency in latencies + [(name, report[key]) for key, name in _LATENCIES]:
        if latency:
            values = "".join(f"{latency[p]:9.2f}" for p in ("p50", "p95", "p99", "p99.9", "max"))
            lines.append(f"{name:28}{values}")
    return "\n".join([*lines, *_costs(report)]) + "\n"


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
            f"   {_number(redis['us_per_message'])} µs/message"
        )
    if report["us_per_delivery"]:
        whole = f"{report['us_per_delivery']:.2f} µs of the nodes' CPU for each delivery"
        if "floor" in report:
            ratio = report["us_per_delivery"] / report["floor"]
            whole += f": {ratio:.2f} of the floor, {report['floor']:.2f} µs"
        lines.append(_row("all nodes", whole))
        lines.append(_row("", f"{report['us_per_message']:.0f} µs for each message"))
    cores = ", ".join(f"{cpu:.0%}" for cpu in report["generator_cpu"])
    lines.append(_row("generators", f"{cores} of a core"))
    if report["void"]:
        lines += ["", "VOID: a generator used over 80% of its core, and measured itself."]
    return lines


def _row(name: str, value: str) -> str:
    return f"{name:28}{value}"


def _optional(text: str, value: float | None) -> str:
    return text.format(value) if value is not None else ""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in counts.items())


def _number(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else "-"
