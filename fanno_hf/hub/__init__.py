"""A run on the Hugging Face Hub: every stage a config of one data set repository, every push a revision."""
