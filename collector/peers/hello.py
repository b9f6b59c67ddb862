"""HELLO: two nodes make sure of each other before they probe, and say goodbye before they stop.

Over TCP, one connection a path: offer with a nonce, answer with a challenge, proof, ready. Every line but the first carries an
HMAC under the plan's key over all that was said before, so that neither end can be convinced by a recording. Both ends must hold the same plan. The result is who the
other one is (its session, random per start) and the key of the path between these two starts. An offer may carry a question, which
the last line answers: so nodes agree whose turn a bandwidth test is. A connection for the TCP echo begins with HELLO and goes on.

The protocol is two generators over parsed lines, without sockets or clocks; `collector/peers/links.py` moves the lines.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum

from collector.contract import Json
from collector.peers.stamp import session_key
from collector.plan import Plan

PROTOCOL = 4
LINE_B = 4096
"""A longer line ends the conversation."""
TEXT_MAX = 250
"""A question or an answer is cut to so many characters."""


class Purpose(StrEnum):
    """Why somebody calls."""

    PROBE = "probe"
    BYE = "bye"
    TURN = "turn"
    SERVE = "serve"
    RELEASE = "release"
    ECHO = "echo"
    LISTEN = "listen"
    CHECK = "check"


class HelloError(Exception):
    """The conversation failed; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this node is in this start of its collector."""

    plan: Plan
    node: str
    session: str
    version: str
    key: bytes

    def mac(self, who: str, *said: bytes) -> str:
        """HMAC over who speaks and all that was said so far."""
        return hmac.digest(self.key, b"\n".join((b"hello", who.encode(), *said)), hashlib.sha256).hex()


@dataclass(frozen=True, slots=True)
class Peer:
    """Who was met, on which path (named as its sender names it), and the key of that path.

    `text` is the caller's question at the called side, and the answer to it at the caller's.
    """

    node: str
    session: str
    path: str
    purpose: Purpose
    key: bytes
    text: str = ""


Conversation = Generator["bytes | Peer | None", bytes, None]
"""Yields a line to send (None: only wait for one) and receives the line that came back. Yields the `Peer` once it is
proved; the called side is resumed with its answer (UTF-8) when the path has been made ready, and then yields its last line."""


def _line(**fields: Json) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def _read(line: bytes, *keys: str) -> dict[str, str]:
    """The text fields of a line.

    Raises:
        HelloError: not of the protocol.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise HelloError("it does not speak HELLO") from error
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in keys):
        raise HelloError("it does not speak HELLO")
    return {key: value[key] for key in keys}


def _check(mine: str, theirs: str) -> None:
    if not hmac.compare_digest(mine.encode(), theirs.encode(errors="replace")):
        raise HelloError("its key differs: every node needs the same key file")


def call(me: Identity, target: str, network: str, purpose: Purpose, ask: str = "") -> Conversation:
    """The caller's side: the node that wants to send on the path to `target`, or asks something there."""
    path = f"{me.node}>{target}/{network}"
    offer = _line(
        hello=str(PROTOCOL),
        path=path,
        session=me.session,
        plan=me.plan.digest,
        version=me.version,
        purpose=purpose.value,
        ask=ask[:TEXT_MAX],
        nonce=secrets.token_hex(16),
    )
    answer = yield offer
    told = _read(answer, "session", "challenge", "refused", "version", "mac")
    body = _line(**{name: value for name, value in told.items() if name != "mac"})
    _check(me.mac("answer", offer, body), told["mac"])
    if told["refused"]:
        raise HelloError(f"it refused: {told['refused']} (it runs haready {told['version']})")
    ready = _read((yield _line(mac=me.mac("proof", offer, body))), "answer", "mac")
    _check(me.mac("ready", offer, body, _line(answer=ready["answer"])), ready["mac"])
    key = session_key(me.key, path, me.session, told["session"])
    yield Peer(target, told["session"], path, purpose, key, ready["answer"])


def serve(me: Identity, caller: str, network: str) -> Conversation:
    """The called side. `caller` is the node whose planned address the connection came from."""
    offer = yield None
    told = _read(offer, "hello", "path", "session", "plan", "version", "purpose")
    path = f"{caller}>{me.node}/{network}"
    refused = ""
    if told["hello"] != str(PROTOCOL):
        refused = f"it speaks HELLO {told['hello']}, this node {PROTOCOL}; install the same version everywhere"
    elif told["plan"] != me.plan.digest:
        refused = "the plans differ; copy one plan.toml to every node"
    elif told["path"] != path:
        refused = f"the path is called {path} here; every address in the plan must belong to its node"
    elif told["purpose"] not in list(Purpose):
        refused = f"unknown purpose {told['purpose'][:20]!r}"
    # Other protocols have no questions or nonces, and are to hear that they are others.
    ask = "" if refused else _read(offer, "ask", "nonce")["ask"][:TEXT_MAX]
    body = _line(session=me.session, challenge=secrets.token_hex(16), refused=refused, version=me.version)
    answer = _line(**json.loads(body), mac=me.mac("answer", offer, body))
    proof = yield answer
    _check(me.mac("proof", offer, body), _read(proof, "mac")["mac"])
    if refused:
        raise HelloError(f"it was refused: {refused}")
    key = session_key(me.key, path, told["session"], me.session)
    said = yield Peer(caller, told["session"], path, Purpose(told["purpose"]), key, ask)
    text = said.decode()[:TEXT_MAX]
    yield _line(answer=text, mac=me.mac("ready", offer, body, _line(answer=text)))
