"""Work on several machines: Ray moves, schedules and repeats it, and the run folder is written by one process."""
