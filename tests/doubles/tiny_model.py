"""A language model of some 100,000 random weights, built in a moment: it writes nonsense, and everything runs.

make(tmp_path / "tiny")  ->  a folder in Hub form, with a word tokenizer, a chat template and its end of turn
"""

from pathlib import Path

_WORDS = [
    "the",
    "a",
    "of",
    "and",
    "to",
    "in",
    "is",
    "it",
    "that",
    "for",
    "on",
    "with",
    "as",
    "are",
    "this",
    "be",
    "at",
    "by",
    "from",
    "or",
    "an",
    "which",
    "one",
    "how",
    "what",
    "why",
    "do",
    "does",
    "mosses",
    "drink",
    "water",
    "leaves",
    "through",
    "their",
    "roots",
    "bread",
    "rises",
    "because",
    "yeast",
    "turns",
    "sugar",
    "into",
    "gas",
    "tide",
    "moves",
    "twice",
    "each",
    "day",
    "moon",
    "pulls",
    "sea",
    "write",
    "list",
    "explain",
    "compare",
    "three",
    "two",
    "short",
    "long",
    "answer",
    "question",
    "reply",
    "good",
    "bad",
    "yes",
    "no",
    "letter",
    "number",
    "name",
    "who",
    "when",
    "where",
]
TEMPLATE = (
    "{% for message in messages %}{{ '<|start|>' + message['role'] + '\\n' + message['content'] + '<|end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}"
)
_SPECIAL = ["<unk>", "<pad>", "<|text|>", "<|start|>", "<|end|>"]


def make(folder: Path, *, seed: int = 0, template: str | None = TEMPLATE, context: int = 512) -> str:
    """Saves a model with random weights and returns its folder; the weights follow from the seed."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer(template)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        for weight in model.parameters():  # larger than usual, so that no two answers are a draw
            weight.data.mul_(3.0 if weight.dim() > 1 else 1.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _tokenizer(template: str | None):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [form for word in dict.fromkeys(_WORDS) for form in (word, f"Ġ{word}")]
    vocabulary = {token: place for place, token in enumerate(dict.fromkeys([*_SPECIAL, *alphabet, *words]))}
    inner = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>", continuing_subword_prefix=""))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<|text|>",
        eos_token="<|end|>",
        additional_special_tokens=["<|start|>"],
    )
    tokenizer.chat_template = template
    return tokenizer
