"""What every test begins with, whoever started the tests."""

from __future__ import annotations

import signal

# Where tests are started in the background or under nohup, Ctrl-C or a hang-up is ignored, also by every program that they start, and some tests send it.
# What is caught here begins with its default there.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)
