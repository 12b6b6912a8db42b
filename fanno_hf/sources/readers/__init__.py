"""One file for each kind of file: `reader(file, options)` yields what is in it."""
