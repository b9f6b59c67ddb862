"""What the story of a run keeps of a node's facts, and how often it repeats them."""

from __future__ import annotations

from collector.archive.story import add_state, story
from collector.record import BULKY, Record

INVENTORY, LISTS = {"hostname": "a"}, {"packages": "bash 5"}
(LONG,) = BULKY


def recorded():
    record = Record()
    record.fact("inventory", INVENTORY)
    record.fact(LONG, LISTS)
    return record


def test_a_long_list_is_not_repeated_every_five_seconds():
    record = recorded()
    assert record.state()["facts"] == {"inventory": INVENTORY}
    assert record.state(closing=True)["facts"] == {"inventory": INVENTORY, LONG: LISTS}
    record.close_segment()
    record.fact(LONG, dict(LISTS))
    assert record.state(closing=True)["facts"] == {"inventory": INVENTORY}, "it did not change"
    record.fact(LONG, {"packages": "bash 6"})
    assert record.state(closing=True)["facts"][LONG] == {"packages": "bash 6"}


def test_the_manifest_and_the_states_added_up_tell_all_facts():
    record = recorded()
    assert record.whole()["facts"] == {"inventory": INVENTORY, LONG: LISTS}
    told = {}
    add_state(told, record.state(closing=True))
    record.close_segment()
    add_state(told, record.state(closing=True))
    assert story(told).facts == {"inventory": INVENTORY, LONG: LISTS}
    later = Record()
    later.restore(story(told), 1_000_000, 2_000_000, "it was started again")
    assert later.whole()["facts"][LONG] == LISTS
