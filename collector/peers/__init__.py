"""What crosses the wire between nodes."""
