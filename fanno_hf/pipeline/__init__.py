"""What a run is: its stages, which of them to do, and what they work with."""
