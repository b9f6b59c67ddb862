"""Keeps this node acquainted with its peers: runs HELLO on every path, again when a peer fell silent, BYE at the end.

A connection that is to be kept (Purpose.ECHO) is handed to its owner when HELLO is done.
It lives in the main process, on non-blocking sockets under one selector. It decides nothing about measuring: it tells its
`Owner` who may be answered and which path may send, and carries questions between the owners of both ends. It is one state machine, and a
part of it in another module would need all of its state.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from collector.machine import Clock
from collector.peers.hello import LINE_B, Conversation, HelloError, Identity, Peer, Purpose, call, serve
from collector.peers.ports import tcp_listener
from collector.peers.world import Done
from collector.plan import PlannedPath

ANSWER_S = 5.0
"""A conversation that takes longer is given up."""
EAGER_S, PATIENT_S = 2.0, 10.0
"""Between two attempts: during the first two minutes, and later."""
EAGER_FOR_S = 120.0
SILENT_S = 3.0
"""A path without replies for this long is asked who is there; if the same start answers, nothing changes."""
MAX_CALLERS, MAX_PER_ADDRESS = 64, 4


class Owner(Protocol):
    """What the main process does on behalf of its links."""

    def admit(self, path: str, address: str, key: bytes) -> None:
        """Let the reflector answer `address`; `Links.admitted` is called when it does."""
        ...

    def established(self, path: str, peer: Peer) -> None:
        """The path may send under the peer's key."""
        ...

    def left(self, path: str, peer: Peer) -> None:
        """The peer said goodbye: `path` (from here to it) stops sending."""
        ...

    def trouble(self, path: str, text: str) -> None:
        """A conversation failed."""
        ...

    def silent(self, path: str, *, silent: bool) -> None:
        """The path has had no reply for `SILENT_S`, or has one again."""
        ...


Asked = Callable[[Peer, Callable[[str], None]], None]
"""Takes a peer's question (its purpose and text say what is wanted) and what takes the answer, once, at once or later."""

Kept = Callable[[Peer, socket.socket], None]
"""Takes a connection over, when its HELLO is done: from then on it is the taker's."""


@dataclass(slots=True)
class _Out:
    """A path that this node sends on."""

    path: PlannedPath
    source: str
    target: str
    peer: Peer | None = None
    next_ns: int = 0
    heard_ns: int = 0
    answered: int = 0
    calling: bool = False
    silent: bool = False

    @property
    def usable(self) -> bool:
        """True if the peer is there and answers."""
        return self.peer is not None and not self.silent


@dataclass(slots=True, eq=False)
class _Talk:
    """One connection. `out` if this end called; with `asked` only to put a question. With `kept` it outlives its HELLO."""

    sock: socket.socket
    conversation: Conversation
    deadline_ns: int
    path: str
    address: str
    out: _Out | None
    asked: Done | None = None
    kept: Kept | None = None
    peer: Peer | None = None
    incoming: bytearray = field(default_factory=bytearray)
    outgoing: bytes = b""
    done: bool = False


class Links:
    """All conversations of this node."""

    def __init__(
        self,
        me: Identity,
        selector: selectors.BaseSelector,
        clock: Clock,
        owner: Owner,
        asked: Asked,
        kept: Kept,
    ) -> None:
        """`kept` takes the connections that peers made for the TCP echo."""
        self._asked = asked
        self._kept = kept
        self._me = me
        self._selector = selector
        self._clock = clock
        self._owner = owner
        self._began_ns = clock.monotonic_ns()
        self._talks: list[_Talk] = []
        self._listeners: list[socket.socket] = []
        self._leaving = False
        plan = me.plan
        self._callers = {
            str(node.addresses[path.network].ip): path
            for path in plan.paths()
            if path.target == me.node
            for node in (plan.node(path.source),)
        }
        self._outs = {
            path.name: _Out(
                path,
                str(plan.node(path.source).addresses[path.network].ip),
                str(plan.node(path.target).addresses[path.network].ip),
            )
            for path in plan.paths()
            if path.source == me.node
        }

    @property
    def up(self) -> int:
        """Paths of this node on which its peer is there and answers."""
        return sum(out.usable for out in self._outs.values())

    @property
    def planned(self) -> int:
        """Paths this node is to send on."""
        return len(self._outs)

    def live(self) -> set[str]:
        """The nodes that are there and answer on some path."""
        return {out.path.target for out in self._outs.values() if out.usable}

    def usable(self, path: str) -> bool:
        """True if the peer is there and answers on this path."""
        return path in self._outs and self._outs[path].usable

    def ask(self, purpose: Purpose, node: str, path: str, text: str, done: Done) -> None:
        """Ask `node` something, on `path` or (if that is empty) on any path to it that is alive."""
        for out in self._outs.values():
            if out.path.target == node and (out.path.name == path or (not path and out.usable)):
                self._call(out, purpose, text, done)
                return
        done(None, "no path to it is alive")

    def connect(self, path: str, text: str, done: Done, kept: Kept) -> None:
        """Make a connection for the TCP echo of `path`. One of both is called: `done` with why there is none, or `kept`."""
        if self._leaving:
            done(None, "this run ends")
        else:
            self._call(self._outs[path], Purpose.ECHO, text, done, kept)

    def listen(self, without: Collection[str] = ()) -> None:
        """Open the HELLO port on every planned address of this node, but for those on the networks in `without`.

        Raises:
            OperatorError: the address is not on this machine, or the port is taken.
        """
        plan, node = self._me.plan, self._me.plan.node(self._me.node)
        for network in sorted({path.network for path in self._callers.values()} - set(without)):
            sock = tcp_listener(str(node.addresses[network].ip), network, plan.probing.port)
            self._listeners.append(sock)
            self._selector.register(sock, selectors.EVENT_READ, lambda _, sock=sock: self._accept(sock))

    def heard(self, path: str, answered: int) -> None:
        """Note how many replies the path has had in all."""
        out = self._outs[path]
        if answered != out.answered:
            out.answered, out.heard_ns = answered, self._clock.monotonic_ns()
            if out.silent:
                out.silent = False
                self._owner.silent(path, silent=False)

    def admitted(self, path: str) -> None:
        """The reflector answers on `path` now: tell the peer that waits for it."""
        for talk in list(self._talks):
            waits = talk.out is None and talk.path == path and not talk.done
            if waits and talk.peer is not None and talk.peer.purpose is Purpose.PROBE:
                self._advance(talk, b"")

    def _answer(self, talk: _Talk, text: str) -> None:
        """Give the peer its answer, if it still waits for one."""
        if talk in self._talks:
            self._advance(talk, text.encode())

    def beat(self) -> None:
        """Once a second or so: give up what takes too long, call whom we have not met or not heard of."""
        now = self._clock.monotonic_ns()
        for talk in [talk for talk in self._talks if now > talk.deadline_ns]:
            self._fail(talk, "no answer in time")
        if self._leaving:
            return
        for out in self._outs.values():
            silent = out.peer is not None and now - out.heard_ns > SILENT_S * 1e9
            if silent and not out.silent:
                out.silent = True
                self._owner.silent(out.path.name, silent=True)
            if (out.peer is None or silent) and not out.calling and now >= out.next_ns:
                self._call(out, Purpose.PROBE)

    def leave(self) -> None:
        """Say goodbye to everyone who is there; `quiet` turns true when that is over."""
        self._leaving = True
        for talk in [talk for talk in self._talks if talk.out is not None]:
            self._drop(talk)
        for out in self._outs.values():
            if out.peer is not None:
                self._call(out, Purpose.BYE)

    @property
    def quiet(self) -> bool:
        """True if no conversation of ours is under way."""
        return not any(talk.out for talk in self._talks)

    def close(self) -> None:
        """Close every socket."""
        for talk in list(self._talks):
            self._drop(talk)
        for sock in self._listeners:
            self._selector.unregister(sock)
            sock.close()
        self._listeners.clear()

    def _call(
        self, out: _Out, purpose: Purpose, ask: str = "", asked: Done | None = None, kept: Kept | None = None
    ) -> None:
        now = self._clock.monotonic_ns()
        if asked is None:
            eager = now - self._began_ns < EAGER_FOR_S * 1e9
            out.next_ns = now + round((EAGER_S if eager else PATIENT_S) * 1e9)
        try:
            sock = socket.socket(socket.AF_INET6 if ":" in out.target else socket.AF_INET, socket.SOCK_STREAM)
        except OSError as error:
            self._tell_trouble(out.path.name, asked, error.strerror or "no socket")
            return
        sock.setblocking(False)
        talk = _Talk(
            sock,
            call(self._me, out.path.target, out.path.network, purpose, ask),
            now + round(ANSWER_S * 1e9),
            out.path.name,
            out.target,
            out,
            asked,
            kept,
        )
        self._talks.append(talk)
        out.calling = out.calling or asked is None
        self._selector.register(sock, selectors.EVENT_WRITE, lambda mask: self._ready(talk, mask))
        try:
            sock.bind((out.source, 0))
            code = sock.connect_ex((out.target, self._me.plan.probing.port))
        except OSError as error:
            code = error.errno or errno.EIO
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._fail(talk, os.strerror(code))
            return
        self._advance(talk, None)

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, source = listener.accept()
        except OSError:
            return
        path = self._callers.get(source[0])
        callers = [talk.address for talk in self._talks if talk.out is None]
        if path is None or len(callers) >= MAX_CALLERS or callers.count(source[0]) >= MAX_PER_ADDRESS:
            sock.close()  # a stranger gets no answer
            return
        sock.setblocking(False)
        deadline = self._clock.monotonic_ns() + round(ANSWER_S * 1e9)
        conversation = serve(self._me, path.source, path.network)
        talk = _Talk(sock, conversation, deadline, path.name, source[0], None)
        self._talks.append(talk)
        self._selector.register(sock, selectors.EVENT_READ, lambda mask: self._ready(talk, mask))
        self._advance(talk, None)

    def _ready(self, talk: _Talk, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            code = talk.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._fail(talk, os.strerror(code))
                return
            self._write(talk)
            return
        try:
            data = talk.sock.recv(LINE_B)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(talk, error.strerror or "connection lost")
            return
        if not data:
            self._fail(talk, "it closed the connection")
            return
        talk.incoming += data
        line, found, rest = bytes(talk.incoming).partition(b"\n")
        if found:
            talk.incoming = bytearray(rest)
            self._advance(talk, line)
        elif len(talk.incoming) > LINE_B:
            self._fail(talk, "it does not speak HELLO")

    def _advance(self, talk: _Talk, line: bytes | None) -> None:
        """Resume the conversation with `line` (None: start it) and do what it wants next."""
        try:
            step = next(talk.conversation) if line is None else talk.conversation.send(line)
        except HelloError as error:
            self._fail(talk, str(error))
            return
        except StopIteration:
            self._drop(talk)
            return
        if isinstance(step, Peer):
            talk.peer = step
            if talk.out is not None:
                self._met(talk, step)
            elif step.purpose is Purpose.BYE:
                self._lost(step)
                self._advance(talk, b"")
            elif step.purpose is Purpose.PROBE:
                self._owner.admit(step.path, talk.address, step.key)
                self._notice(step)
            else:
                talk.kept = self._kept if step.purpose is Purpose.ECHO else None
                self._asked(step, lambda text: self._answer(talk, text))
            return
        talk.done = talk.peer is not None
        if step is not None:
            talk.outgoing += step + b"\n"
            self._selector.modify(talk.sock, selectors.EVENT_WRITE, lambda mask: self._ready(talk, mask))

    def _write(self, talk: _Talk) -> None:
        try:
            sent = talk.sock.send(talk.outgoing)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(talk, error.strerror or "connection lost")
            return
        talk.outgoing = talk.outgoing[sent:]
        if talk.outgoing:
            return
        if talk.done and talk.kept is not None and talk.peer is not None:
            talk.kept(talk.peer, self._part(talk))
        elif talk.done:
            self._drop(talk)
        else:
            self._selector.modify(talk.sock, selectors.EVENT_READ, lambda mask: self._ready(talk, mask))

    def _met(self, talk: _Talk, peer: Peer) -> None:
        out = talk.out
        assert out is not None
        if talk.kept is not None:
            talk.kept(peer, self._part(talk))
            return
        self._drop(talk)
        if talk.asked is not None:
            talk.asked(peer.text, "")
        elif peer.purpose is Purpose.PROBE:
            out.heard_ns = self._clock.monotonic_ns()
            if out.peer is None or out.peer.session != peer.session:
                out.peer = peer
                self._owner.established(talk.path, peer)

    def _notice(self, peer: Peer) -> None:
        """A peer that calls from a new start has forgotten our earlier acquaintance: call back at once."""
        for out in self._outs.values():
            if out.path.target == peer.node and (out.peer is None or out.peer.session != peer.session):
                out.next_ns = 0

    def _lost(self, peer: Peer) -> None:
        """The peer stops on purpose: what we send on the same network would only look like loss."""
        for out in self._outs.values():
            if out.path.target == peer.node and out.path.network == peer.path.rpartition("/")[2]:
                out.peer = None
                out.silent = False
                out.next_ns = self._clock.monotonic_ns() + round(PATIENT_S * 1e9)
                self._owner.left(out.path.name, peer)

    def _fail(self, talk: _Talk, why: str) -> None:
        self._drop(talk)
        self._tell_trouble(talk.path, talk.asked, why)

    def _tell_trouble(self, path: str, asked: Done | None, why: str) -> None:
        if asked is None:
            self._owner.trouble(path, why)
        else:
            asked(None, why)

    def _drop(self, talk: _Talk) -> None:
        if talk in self._talks:
            self._part(talk).close()

    def _part(self, talk: _Talk) -> socket.socket:
        """The conversation is over; its connection goes on."""
        self._talks.remove(talk)
        self._selector.unregister(talk.sock)
        talk.conversation.close()
        if talk.out is not None and talk.asked is None:
            talk.out.calling = False
        return talk.sock
