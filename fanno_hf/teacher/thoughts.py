"""What a reasoning model writes before its answer, and the tokens of its chat template: neither is part of the answer.

"<think>\\nMosses have no roots, so …\\n</think>\\n\\nThey drink through their leaves.<|im_end|>"
    ->  ("They drink through their leaves.", 37): the answer, and the characters of thought
"""

import re

_TAGS = (
    *((f"<{name}>", f"</{name}>") for name in ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think")),
    *(("[THINK]", "[/THINK]"), ("<|START_THINKING|>", "<|END_THINKING|>"), ("◁think▷", "◁/think▷")),
    *(("<|begin_of_thought|>", "<|end_of_thought|>"), ("<unused94>thought", "<unused95>")),
)
_OPENING = re.compile(rf"\s*(?:{'|'.join(re.escape(start) for start, _ in _TAGS)})")
_CLOSING = dict(_TAGS)
# a closing tag alone, where the template wrote the opening one; an answer that speaks of such a tag has spaces, quotes or
# backticks around it
_CLOSED = re.compile(
    rf"(?:(?<=\n)|(?<=[^\s`\"'“(]))(?P<end>{'|'.join(re.escape(end) for _, end in _TAGS)})(?![`\"'”)])"
    rf"|(?P<last>{'|'.join(re.escape(end) for _, end in _TAGS)})[ \t]*(?:\n|\Z)"
)
# gpt-oss: channels, with their special tokens or without
_CHANNELS = re.compile(r"\s*(?:<\|start\|>assistant)?<\|channel\|>")
_FINAL = re.compile(r"<\|channel\|>final[^<]{0,40}<\|message\|>")
_BARE_CHANNEL = re.compile(r"\s*analysis(?=[A-Z])")
_BARE_FINAL = re.compile(r"assistantfinal(?=\S)")

_END_TOKENS = (
    *(
        "<|im_end|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|end|>",
        "<|return|>",
        "<|call|>",
        "<|endoftext|>",
        "<|end_of_text|>",
    ),
    *("<end_of_turn>", "<eos>", "</s>", "<|EOT|>", "<|eot|>", "<|eos|>", "<|end_of_turn|>", "<|END_OF_TURN_TOKEN|>"),
    *("<|END_RESPONSE|>", "<｜end▁of▁sentence｜>", "<|im_start|>", "<|user|>", "<|endofturn|>", "[/INST]", "[EOS]"),
)
_ENDS = re.compile(rf"(?:\s*(?:{'|'.join(re.escape(token) for token in _END_TOKENS)}))+\s*\Z")
_START = re.compile(
    r"\A\s*(?:<s>\s*|<bos>\s*|<\|begin_of_text\|>\s*)?(?:<\|im_start\|>assistant\s|<\|start_header_id\|>assistant<\|end_header_id\|>\s*"
    r"|<start_of_turn>model\s|<\|assistant\|>\s*|<\|START_RESPONSE\|>)"
)


def without_thoughts(content: str) -> tuple[str, int]:
    """Returns the answer in what a model wrote, without thoughts and without template tokens at its ends, and how many
    characters of thought there were. A thought that was cut off leaves no answer.
    """
    text, thought = _after_channels(_START.sub("", content))
    while opening := _OPENING.match(text):
        closing = _CLOSING[opening.group().strip()]
        end = text.find(closing, opening.end())
        if end < 0:
            return "", thought + len(text[opening.end() :].strip())
        thought += len(text[opening.end() : end].strip())
        text = text[end + len(closing) :]
    if (closed := _CLOSED.search(text)) and not _OPENING.search(text, 0, closed.start()):
        thought += len(text[: closed.start()].strip())
        text = text[closed.end() :]
    if text != content:
        text = _START.sub("", text.lstrip())
    return without_end_tokens(text), thought


def without_end_tokens(text: str) -> str:
    """Takes the end tokens of a chat template off the end of an answer; "</s>" is HTML where it closes an "<s>"."""
    found = _ENDS.search(text)
    if not found or (found.group().strip() == "</s>" and "<s>" in text):
        return text
    return text[: found.start()]


def _after_channels(text: str) -> tuple[str, int]:
    if _CHANNELS.match(text):
        *_, final = [None, *_FINAL.finditer(text)]
        return (text[final.end() :], final.end()) if final else ("", len(text))
    if _BARE_CHANNEL.match(text):
        final = _BARE_FINAL.search(text)
        return (text[final.end() :], final.end()) if final else ("", len(text))
    return text, 0
