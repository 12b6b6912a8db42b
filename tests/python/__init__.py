"""fanno_hf from Python."""
