"""Assessment to document."""
