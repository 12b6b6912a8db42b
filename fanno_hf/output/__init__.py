"""What a run leaves behind: the run folder, its card, and exports of the final pairs."""
