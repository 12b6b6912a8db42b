"""The report of a run: what it measured, drawn and put on a page."""
