"""What a machine is, one subject a module; `collector.probes.inventory` joins them into one fact."""
