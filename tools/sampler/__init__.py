"""Makes the samples: seeded runs of nodes that do not exist, written by the collector's own writer.

What a run shows is a `Scenario` (`world.py`, `scenarios.py`); `probes.py`, `echoes.py`, `loads.py` and `host.py` turn it into the tables that a collector
would have written, `story.py` and `inventory.py` into what it would have told beside them, and `archive.py` into archives.
"""
