"""Whether a run went as it was asked for, and the cluster kept its promises. Pure."""

from __future__ import annotations

from typing import Any

from tests.load.scenario import Scenario


def failed_checks(scenario: Scenario, report: dict[str, Any]) -> list[str]:
    """Return all that went wrong, in a few words each; an empty list if nothing did."""
    missing = scenario.everybody - report["connects"]["ready"]
    refused = sum(report["refused"].values())
    closed = report["closed_as_slow"]
    talks = report["offered"] or scenario.in_flight
    found: dict[str, object] = {
        f"{missing:,} of {scenario.everybody:,} did not come in": missing,
        "nothing was acknowledged": talks and not report["achieved"],
        f"{refused:,} refused": refused,
        f"{report['unsent']:,} not sent": report["unsent"],
        f"{report['unanswered']:,} not answered": report["unanswered"],
        f"{report['lost']:,} lost": report["lost"],
        f"{twice(report):,} delivered twice": twice(report),
        f"{report['reordered']:,} out of order": report["reordered"],
        f"{report['lost_connections']:,} lost their connection": report["lost_connections"]
        and not scenario.storm,
        f"{closed} of {scenario.deaf} slow readers closed": scenario.overfills
        and closed not in {None, scenario.deaf},
    }
    return [words for words, wrong in found.items() if wrong]


def twice(report: dict[str, Any]) -> int:
    """Return how many deliveries were too many, by their count or by their ``seq``."""
    return int(report["duplicated"] + report["repeated"])
