"""Archives to assessment."""
