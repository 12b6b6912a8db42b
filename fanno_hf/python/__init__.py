"""fanno_hf from Python: what the command line does, for people who hold a data set in a notebook."""
