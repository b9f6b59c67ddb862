"""HELLO: two generators that end up with the same key, or with a reason that an operator can use."""

from __future__ import annotations

import json

import pytest
from fakes import make_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.peers.hello import LINE_B, TEXT_MAX, HelloError, Identity, Peer, Purpose, call, serve
from collector.peers.stamp import session_key

PLAN = make_plan("10.9.0.1", "10.9.0.2", "10.9.0.3")
KEY = b"k" * 64


def identity(node: str, session: str = "", plan=PLAN, key: bytes = KEY) -> Identity:
    return Identity(plan, node, session or node * 32, "0.1.0", key)


A, B = identity("a"), identity("b")


def converse(caller, called, said: str = "") -> tuple[Peer, Peer, list[bytes]]:
    """Carry the lines of both sides to each other, up to the last: (whom each met, what was said)."""
    assert next(called) is None
    offer = next(caller)
    answer = called.send(offer)
    proof = caller.send(answer)
    met_by_called = called.send(proof)
    ready = called.send(said.encode())
    met_by_caller = caller.send(ready)
    with pytest.raises(StopIteration):
        caller.send(b"")
    with pytest.raises(StopIteration):
        called.send(b"")
    return met_by_caller, met_by_called, [offer, answer, proof, ready]


@pytest.mark.parametrize("purpose", list(Purpose))
def test_both_sides_learn_each_other_s_session_and_the_same_key(purpose):
    met_by_a, met_by_b, _ = converse(call(A, "b", "ch1", purpose), serve(B, "a", "ch1"))

    key = session_key(KEY, "a>b/ch1", A.session, B.session)
    assert met_by_a == Peer("b", B.session, "a>b/ch1", purpose, key)
    assert met_by_b == Peer("a", A.session, "a>b/ch1", purpose, key)


def test_the_two_directions_have_keys_of_their_own():
    there, _, _ = converse(call(A, "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1"))
    back, _, _ = converse(call(B, "a", "ch1", Purpose.PROBE), serve(A, "b", "ch1"))

    assert there.key != back.key


def test_the_called_side_meets_nobody_before_the_proof_and_the_caller_before_ready():
    caller, called = call(A, "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1")
    next(called)

    answer = called.send(next(caller))
    assert isinstance(answer, bytes)
    assert isinstance(caller.send(answer), bytes)


def test_no_line_carries_the_key_or_tells_more_than_4096_bytes():
    _, _, said = converse(call(A, "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1"))

    assert all(KEY not in line and b"\n" not in line and len(line) < 4096 for line in said)


def test_another_key_is_told_apart_by_the_caller():
    called = serve(identity("b", key=b"x" * 64), "a", "ch1")
    caller = call(A, "b", "ch1", Purpose.PROBE)
    next(called)

    with pytest.raises(HelloError, match="its key differs: every node needs the same key file"):
        caller.send(called.send(next(caller)))


def test_another_key_is_told_apart_by_the_called_side():
    called = serve(B, "a", "ch1")
    next(called)
    answer = called.send(next(call(A, "b", "ch1", Purpose.PROBE)))
    other = identity("a", key=b"x" * 64)
    body = json.dumps({k: v for k, v in json.loads(answer).items() if k != "mac"}, separators=(",", ":")).encode()

    with pytest.raises(HelloError, match="its key differs"):
        called.send(json.dumps({"mac": other.mac("proof", b"offer", body)}).encode())


OTHER_PLAN = make_plan("10.9.0.1", "10.9.0.2", "10.9.0.4")


@pytest.mark.parametrize(
    ("caller", "called", "why"),
    [
        (call(identity("a", plan=OTHER_PLAN), "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1"), "the plans differ"),
        (call(A, "b", "ch9", Purpose.PROBE), serve(B, "a", "ch1"), "path is called a>b/ch1 here"),
        (call(A, "c", "ch1", Purpose.PROBE), serve(B, "a", "ch1"), "path is called a>b/ch1 here"),
        (call(A, "b", "ch1", Purpose.PROBE), serve(B, "c", "ch1"), "path is called c>b/ch1 here"),
    ],
    ids=["other plan", "wrong network", "wrong target", "wrong caller"],
)
def test_a_misfit_is_refused_with_the_reason_to_both(caller, called, why):
    next(called)
    answer = called.send(next(caller))

    with pytest.raises(HelloError, match=f"it refused: .*{why}.*haready 0.1.0"):
        caller.send(answer)
    assert why in json.loads(answer)["refused"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"hello": "3"}, "it speaks HELLO 3, this node 4"), ({"purpose": "dance"}, "unknown purpose 'dance'")],
)
def test_an_offer_of_another_protocol_or_purpose_is_refused_and_never_becomes_a_peer(changed, why):
    """Even if the proof that follows is right."""
    called = serve(B, "a", "ch1")
    next(called)
    offer = json.dumps(json.loads(next(call(A, "b", "ch1", Purpose.PROBE))) | changed).encode()
    answer = called.send(offer)
    told = json.loads(answer)
    body = json.dumps({k: v for k, v in told.items() if k != "mac"}, separators=(",", ":")).encode()

    assert why in told["refused"]
    assert told["mac"] == B.mac("answer", offer, body)
    with pytest.raises(HelloError, match="it was refused"):
        called.send(json.dumps({"mac": A.mac("proof", offer, body)}).encode())


def test_a_refusal_is_authenticated_so_nobody_else_can_refuse():
    caller = call(A, "b", "ch1", Purpose.PROBE)
    next(caller)
    refusal = {"session": "x", "challenge": "y", "refused": "go away", "version": "0", "mac": "0" * 64}

    with pytest.raises(HelloError, match="its key differs"):
        caller.send(json.dumps(refusal).encode())


def test_a_question_is_answered_in_the_last_line():
    met_by_a, met_by_b, _ = converse(call(A, "b", "ch1", Purpose.TURN, "a>b/ch1 7"), serve(B, "a", "ch1"), "later: ä")

    assert met_by_b.text == "a>b/ch1 7"
    assert met_by_a.text == "later: ä"


@pytest.mark.parametrize(("protocol", "lacks"), [("1", ["ask", "nonce"]), ("2", ["nonce"]), ("3", [])])
def test_a_caller_of_an_older_protocol_hears_which_version_it_needs(protocol, lacks):
    called = serve(B, "a", "ch1")
    next(called)
    offer = json.loads(next(call(A, "b", "ch1", Purpose.PROBE))) | {"hello": protocol}
    for name in lacks:
        del offer[name]

    answer = called.send(json.dumps(offer).encode())
    assert f"it speaks HELLO {protocol}, this node 4; install the same version" in json.loads(answer)["refused"]


def test_an_offer_without_a_nonce_does_not_speak_hello():
    called = serve(B, "a", "ch1")
    next(called)
    offer = json.loads(next(call(A, "b", "ch1", Purpose.PROBE)))
    del offer["nonce"]

    with pytest.raises(HelloError, match="does not speak HELLO"):
        called.send(json.dumps(offer).encode())


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_recorded_answer_does_not_convince_the_same_start_of_the_caller_again(purpose):
    """Same sessions, same question: the nonce is new. Whoever replays could else have a test begin that nobody serves."""
    _, _, (_, answer, _, _) = converse(call(A, "b", "ch1", purpose, "a>b/ch1"), serve(B, "a", "ch1"))
    again = call(A, "b", "ch1", purpose, "a>b/ch1")
    next(again)

    with pytest.raises(HelloError, match="its key differs"):
        again.send(answer)


def test_a_recorded_ready_does_not_close_another_conversation():
    _, _, (*_, ready) = converse(call(A, "b", "ch1", Purpose.SERVE, "a>b/ch1"), serve(B, "a", "ch1"))
    caller, called = call(A, "b", "ch1", Purpose.SERVE, "a>b/ch1"), serve(B, "a", "ch1")
    next(called)
    called.send(caller.send(called.send(next(caller))))

    with pytest.raises(HelloError, match="its key differs"):
        caller.send(ready)


def test_the_longest_question_and_answer_fit_into_their_lines():
    text = "\U0001f600" * 5000
    met_by_a, met_by_b, said = converse(call(A, "b", "ch1", Purpose.TURN, text), serve(B, "a", "ch1"), text)

    assert met_by_a.text == met_by_b.text == text[:TEXT_MAX]
    assert max(map(len, said)) < LINE_B


def test_nobody_on_the_way_can_change_a_question():
    caller, called = call(A, "b", "ch1", Purpose.TURN, "a>b/ch1 7"), serve(B, "a", "ch1")
    next(called)
    answer = called.send(next(caller).replace(b"a>b/ch1 7", b"a>b/ch1 8"))

    with pytest.raises(HelloError, match="its key differs"):
        caller.send(answer)


def test_nobody_on_the_way_can_change_an_answer():
    caller, called = call(A, "b", "ch1", Purpose.TURN, "a>b/ch1 7"), serve(B, "a", "ch1")
    next(called)
    called.send(caller.send(called.send(next(caller))))
    ready = called.send(b"never: no")

    with pytest.raises(HelloError, match="its key differs"):
        caller.send(ready.replace(b"never: no", b""))


def test_a_question_cannot_be_asked_again_with_a_recording():
    _, _, (offer, _, proof, _) = converse(call(A, "b", "ch1", Purpose.SERVE, "a>b/ch1"), serve(B, "a", "ch1"))
    called = serve(B, "a", "ch1")
    next(called)
    called.send(offer)

    with pytest.raises(HelloError, match="its key differs"):
        called.send(proof)


GARBAGE = {
    "empty": b"",
    "text": b"GET / HTTP/1.1",
    "binary": b"\x16\x03\x01\xff\xfe",
    "a list": b"[]",
    "a number": b"5",
    "no fields": b"{}",
    "too deep": b"[" * 4096,
    "numbers for texts": json.dumps(
        dict.fromkeys(
            [
                "hello",
                "path",
                "session",
                "plan",
                "version",
                "purpose",
                "ask",
                "nonce",
                "answer",
                "mac",
                "challenge",
                "refused",
            ],
            1,
        )
    ).encode(),
    "a lone surrogate": b'{"mac":"\\ud800","session":"x","challenge":"x","refused":"","version":"x"}',
    "letters beyond ASCII": '{"mac":"ä","session":"x","challenge":"x","refused":"","version":"x"}'.encode(),
}


def steps() -> dict[str, tuple]:
    """Each place where a line is awaited: (conversation that awaits it)."""
    fresh = serve(B, "a", "ch1")
    next(fresh)
    answered = serve(B, "a", "ch1")
    next(answered)
    answered.send(next(call(A, "b", "ch1", Purpose.PROBE)))
    offered = call(A, "b", "ch1", Purpose.PROBE)
    next(offered)
    proved, other = call(A, "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1")
    next(other)
    proved.send(other.send(next(proved)))
    return {"offer": fresh, "proof": answered, "answer": offered, "ready": proved}


@pytest.mark.parametrize("line", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("step", ["offer", "proof", "answer", "ready"])
def test_garbage_at_any_step_is_a_hello_error(step, line):
    with pytest.raises(HelloError):
        steps()[step].send(line)


@settings(deadline=None)
@given(
    step=st.sampled_from(["offer", "proof", "answer", "ready"]),
    line=st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(
            [
                "hello",
                "path",
                "session",
                "plan",
                "version",
                "purpose",
                "ask",
                "nonce",
                "answer",
                "mac",
                "challenge",
                "refused",
            ]
        ),
        st.text(max_size=5) | st.none() | st.integers(),
    ).map(lambda fields: json.dumps(fields).encode()),
)
def test_any_line_at_any_step_is_answered_or_a_hello_error(step, line):
    conversation = steps()[step]
    try:
        said = conversation.send(line)
    except HelloError:
        return
    assert step == "offer"  # whoever offers gets an answer, and is asked for his proof
    assert not isinstance(said, Peer)


def test_a_recorded_conversation_does_not_convince_the_called_side_again():
    """Same sessions, same offer: the challenge is new."""
    _, _, (offer, answer, proof, _) = converse(call(A, "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1"))
    called = serve(B, "a", "ch1")
    next(called)

    assert called.send(offer) != answer
    with pytest.raises(HelloError, match="its key differs"):
        called.send(proof)


def test_a_recorded_answer_does_not_convince_a_later_start_of_the_caller():
    _, _, (_, answer, _, _) = converse(call(A, "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1"))
    later = call(identity("a", session="f" * 32), "b", "ch1", Purpose.PROBE)
    next(later)

    with pytest.raises(HelloError, match="its key differs"):
        later.send(answer)


def test_a_goodbye_cannot_be_made_of_a_recorded_greeting():
    _, _, (offer, _, proof, _) = converse(call(A, "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1"))
    called = serve(B, "a", "ch1")
    next(called)
    called.send(offer.replace(b'"probe"', b'"bye"'))

    with pytest.raises(HelloError, match="its key differs"):
        called.send(proof)


def test_a_line_thrown_back_at_its_speaker_proves_nothing():
    """The HMAC names who speaks."""
    caller, called = call(A, "b", "ch1", Purpose.PROBE), serve(B, "a", "ch1")
    next(called)
    answer = called.send(next(caller))

    with pytest.raises(HelloError, match="its key differs"):
        called.send(json.dumps({"mac": json.loads(answer)["mac"]}).encode())
