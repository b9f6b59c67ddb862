"""Node to archive: plan, probes, peers, archive."""
