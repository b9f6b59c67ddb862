"""Node to archive: plan, probes, peers, archive."""

__version__ = "0.1.0"
"""Of the whole distribution. Asking the installation for it would cost a node a MiB."""
