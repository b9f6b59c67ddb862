"""The collector as a service of the operating system: units and services, and what the collector tells systemd."""
