"""What every test begins with, whoever started the tests."""

from __future__ import annotations

import signal

# Where tests are started in the background, Ctrl-C is ignored, also by every program that they start; some tests send it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
