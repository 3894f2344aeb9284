"""What a person decides about conversations: what others are told, and what calls for them."""

from __future__ import annotations

from tests.desktop.fake_node import fake_node
from tests.desktop.stage import Stage, on_stage


@on_stage(nodes=0)
async def test_others_are_told_of_typing_unless_one_does_not_want_it(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to")
        alice.field.focus_force()
        menu = alice.app.window.chat.sidebar.me.menu
        menu.invoke("Tell others when I am typing")
        assert not stage.kept.preferences.tells_typing
        alice.press("<x>")
        alice.write("hm\n")
        await alice.sees_that(lambda: len(node.heard("send")) == 1, "the message")
        assert not node.heard("typing")
        menu.invoke("Tell others when I am typing")
        alice.press("<x>")
        await alice.sees_that(lambda: len(node.heard("typing")) == 1, "that it is told")


@on_stage(nodes=0)
async def test_a_muted_conversation_is_marked(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to")
        alice.field.focus_force()
        alice.app.window.actions["mute"]()
        await alice.sees_that(lambda: alice.conversations == ["ROOMS", "#lobby \u2298"], "a mark")
        alice.app.window.actions["mute"]()
        await alice.sees_that(lambda: alice.conversations == ["ROOMS", "#lobby"], "no mark")
