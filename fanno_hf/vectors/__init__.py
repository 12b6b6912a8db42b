"""Texts as vectors: made, kept on the disk, and searched."""
