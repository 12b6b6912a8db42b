"""Texts: counted, cut, and compared by the words they share."""
