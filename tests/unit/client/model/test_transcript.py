"""Lines, how they are put together and how they go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.model import FOLDED_ROWS, Entry, MembershipLine, MessageLine, Transcript
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


def of_rows(rows: int, number: int = 0) -> MessageLine:
    return MessageLine(NOON, "bob", "\n".join(["x"] * rows), f"i{number}")


class TestRows:
    def test_a_message_of_very_many_rows_is_folded_until_it_is_asked_for(self) -> None:
        transcript = Transcript()
        short, long = transcript.add(of_rows(25)), transcript.add(of_rows(2048))
        assert not short.is_folded
        assert long.is_folded
        assert (long.rows, long.all_rows) == (FOLDED_ROWS + 1, 2048)
        changes, rewrites = transcript.changes, transcript.rewrites
        transcript.unfold(long)
        assert not long.is_folded
        assert long.rows == 2048
        assert (transcript.changes, transcript.rewrites) == (changes + 1, rewrites + 1)
        transcript.unfold(long)
        assert transcript.rewrites == rewrites + 1, "it is unfolded already"

    def test_the_rows_that_are_kept_are_counted_not_the_lines(self) -> None:
        transcript = Transcript()
        for number in range(100):
            transcript.add(of_rows(10, number))
        assert transcript.drop_oldest(95)
        assert len(transcript.entries) == 9
        newest = transcript.add(of_rows(2048))
        transcript.unfold(newest)
        assert transcript.drop_oldest(95)
        assert list(transcript.entries) == [newest], "the newest stays, whatever its size"

    @given(st.lists(st.tuples(st.sampled_from("aomue"), st.integers(1, 60))))
    def test_the_count_of_rows_is_right_whatever_happens(
        self, steps: list[tuple[str, int]]
    ) -> None:
        transcript = Transcript()
        for step, number in steps:
            match step:
                case "a":
                    transcript.add(of_rows(number, number))
                case "o":
                    transcript.prepend([of_rows(number), of_rows(1)])
                case "m":
                    transcript.add(MembershipLine(NOON, joined=(str(number),)))
                case "u" if transcript.entries:
                    transcript.unfold(transcript.entries[number % len(transcript.entries)])
                case "e":
                    transcript.erase(lambda line, number=number: line.id == f"i{number}")
            rows = sum(entry.rows for entry in transcript.entries)
            assert not transcript.drop_oldest(rows)
            if len(transcript.entries) > 1:
                assert transcript.drop_oldest(rows - 1)


def test_twenty_thousand_who_come_and_go_are_told_in_few_words() -> None:
    crowd = tuple(f"n{number}" for number in range(20_000))
    line = MembershipLine(NOON, joined=crowd)
    assert line.then(MembershipLine(NOON, left=crowd[1:])).joined == ("n0",)
    renamed = MembershipLine(NOON, renamed=tuple((nick, f"{nick}x") for nick in crowd))
    assert renamed.text.endswith("n4 is now n4x; 19,995 others are called differently now")
