"""The archive: its format, writer and reader."""
