"""Lines, how they are put together and how they go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.model import Entry, MembershipLine, MessageLine, Transcript
from client.model.lines import day_of
from tests.unit.client.model.chatting import NOON


class TestFolding:
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
    def test_it_tells_who_is_there_that_was_not_and_the_other_way_round(
        self, steps: list[tuple[str, bool]]
    ) -> None:
        present, moved = {"a"}, MembershipLine(NOON)
        before = set(present)
        for nick, comes in steps:
            if comes and nick not in present:
                present.add(nick)
                moved = moved.then(MembershipLine(NOON, joined=(nick,)))
            elif not comes and nick in present:
                present.remove(nick)
                moved = moved.then(MembershipLine(NOON, left=(nick,)))
        assert set(moved.joined) == present - before
        assert set(moved.left) == before - present
        assert bool(moved.text) == (present != before)

    def test_somebody_renamed_who_leaves_is_told_by_the_old_name(self) -> None:
        moved = MembershipLine(NOON, renamed=(("dave", "eve"),)).then(
            MembershipLine(NOON, left=("eve",))
        )
        assert moved == MembershipLine(NOON, left=("dave",))

    def test_somebody_who_comes_and_is_renamed_comes_under_the_new_name(self) -> None:
        moved = MembershipLine(NOON, joined=("dave",)).then(
            MembershipLine(NOON, renamed=(("dave", "eve"),))
        )
        assert moved == MembershipLine(NOON, joined=("eve",))


class TestTranscript:
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("add"), st.integers(1, 3)),
                st.tuples(st.just("older"), st.integers(1, 3)),
                st.tuples(st.just("move"), st.integers(1, 3)),
                st.tuples(st.just("drop"), st.integers(1, 8)),
            )
        )
    )
    def test_what_is_drawn_by_the_marks_of_what_is_gone_is_what_there_is(
        self, steps: list[tuple[str, int]]
    ) -> None:
        transcript = Transcript()
        drawn: list[Entry] = []
        newest, oldest = NOON, NOON
        for step, number in steps:
            match step:
                case "add":
                    for _ in range(number):
                        newest += 3 * 3_600_000
                        transcript.add(MessageLine(newest, "bob", "x", "i"))
                case "older":
                    oldest -= 5 * 3_600_000
                    transcript.prepend(MessageLine(oldest, "bob", "x", "i") for _ in range(number))
                case "move":
                    transcript.add(MembershipLine(newest, joined=(str(number),)))
                case "drop":
                    transcript.drop_oldest(number)
            entries = list(transcript.entries)
            while drawn and drawn[0].gone:
                del drawn[0]
            while drawn and drawn[-1].gone:
                del drawn[-1]
            if drawn:
                first, last = entries.index(drawn[0]), entries.index(drawn[-1])
                drawn = [*entries[:first], *drawn, *entries[last + 1 :]]
            else:
                drawn = entries
            assert drawn == entries
            days = [day_of(entry.line.at) for entry in entries]
            assert days == sorted(days), "in order"

    def test_messages_in_a_row_belong_together_for_a_while(self) -> None:
        transcript = Transcript()
        for at, sender in (
            (0, "bob"),
            (1000, "bob"),
            (2000, "eve"),
            (3000, "bob"),
            (400_000, "bob"),
        ):
            transcript.add(MessageLine(NOON + at, sender, "x", "i"))
        assert [e.continued for e in transcript.entries] == [
            False,
            False,
            True,
            False,
            False,
            False,
        ]
