"""The processes that main has started: their messages, their orders, their ends."""

from __future__ import annotations

import contextlib
import selectors
from collections.abc import Callable, Iterable

from collector.processes import Child, Inlet, Message, Outlet, fork


class Children:
    """All children by name. What they say goes to `take`, whenever the selector finds it."""

    def __init__(self, selector: selectors.BaseSelector, take: Callable[[Message], None]) -> None:
        self._selector = selector
        self._take = take
        self._by_name: dict[str, Child] = {}

    def start(self, name: str, body: Callable[[Inlet, Outlet], None], keep: Iterable[int] = ()) -> None:
        """Fork `body`; it keeps the descriptors in `keep`."""
        child = fork(name, body, keep)
        self._by_name[name] = child
        self._selector.register(child.inlet.fd, selectors.EVENT_READ, lambda _: self._read(child))

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def order(self, name: str, message: Message) -> None:
        """Send an order; to a child that is gone it is lost."""
        child = self._by_name.get(name)
        if child is not None:
            with contextlib.suppress(BrokenPipeError):  # it has just died: `ended` names it
                child.orders.put(message)

    def push(self) -> None:
        """Send on what did not fit into a pipe before."""
        for child in self._by_name.values():
            with contextlib.suppress(BrokenPipeError):
                child.orders.push()

    def ended(self) -> list[str]:
        """Those that are gone, or have closed their pipe."""
        return [name for name, child in self._by_name.items() if child.inlet.ended]

    def end(self, name: str) -> None:
        """Take what a child still had to say, then end it if it has not ended, and reap it."""
        child = self._by_name.pop(name)
        for message in child.inlet.messages():
            self._take(message)
        self._unregister(child)
        child.kill()

    def stop(self) -> None:
        """Ask all of them to end."""
        for name in self._by_name:
            self.order(name, ("stop",))

    def __len__(self) -> int:
        return len(self._by_name)

    def kill_all(self) -> None:
        """End all of them at once; what they still had to say is lost."""
        for child in self._by_name.values():
            self._unregister(child)
            child.kill()
        self._by_name.clear()

    def _read(self, child: Child) -> None:
        for message in child.inlet.messages():
            self._take(message)
        if child.inlet.ended:
            self._unregister(child)

    def _unregister(self, child: Child) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.inlet.fd)
