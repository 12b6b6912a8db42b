"""Cheap rules that keep or drop a text, an instruction or a response, one reason each."""
