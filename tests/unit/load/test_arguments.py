"""The load test refuses what it cannot measure."""

from __future__ import annotations

import pytest

from tests.load.arguments import parse, parse_compare


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("", "--nodes --spawn is required"),
        ("--spawn 0", "--spawn: 0"),
        ("--spawn 1 --nodes ws://x/ws", "not allowed with"),
        ("--nodes http://x", "http://x"),
        ("--nodes ws://127.0.0.1/ws --tls", "--tls goes with --spawn"),
        ("--spawn 1 --rooms 0", "--rooms: 0"),
        ("--spawn 1 --seconds 0", "--seconds: 0"),
        ("--spawn 1 --generators 0", "--generators: 0"),
        ("--spawn 1 --repeat 0", "--repeat: 0"),
        ("--spawn 1 --payload 99999", "--payload: 99999"),
        ("--spawn 1 --rate -1", "--rate: -1"),
        ("--spawn 1 --rate nan", "--rate: nan"),
        ("--spawn 1 --rate 5 --senders 0", "--senders"),
        ("--spawn 1 --clients 5 --deaf 5", "--deaf"),
        ("--spawn 1 --pings 5", "--pingers"),
        ("--spawn 1 --storm drop", "--movers"),
        ("--spawn 1 --storm kill --movers 5", "--spawn 2"),
        ("--nodes ws://127.0.0.1/ws --scenario password-sign-ins", "use --spawn"),
        ("--spawn 1 --account-rooms 2", "--sign-in"),
        ("--spawn 1 --sign-in token --unread 2", "--account-rooms"),
        ("--spawn 1 --sign-in token --join-rooms", "--account-rooms"),
        ("--spawn 1 --floor", "--in-flight"),
        ("--spawn 1 --in-flight 4 --generators 2", "--in-flight"),
        ("--spawn 1 --gateway /nowhere", "/nowhere"),
        ("--spawn 1 --json /nowhere/run.json", "/nowhere/run.json"),
        ("compare /nowhere /nowhere", "/nowhere"),
    ],
)
def test_wrong_arguments_are_told_before_anything_runs(
    flags: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = flags.split()
    with pytest.raises(SystemExit) as ended:
        parse_compare(arguments[1:]) if "compare" in arguments else parse(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
