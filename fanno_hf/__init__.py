"""fanno_hf: instruction-tuning data from unlabelled documents, with an open LLM as the only teacher (arXiv 2408.01323)."""

__version__ = "0.1.0"
