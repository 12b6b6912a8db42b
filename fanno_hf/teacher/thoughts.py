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
_OPEN = re.compile("|".join(re.escape(start) for start, _ in _TAGS))
_OPENING = re.compile(rf"\s*({_OPEN.pattern})")
_BLOCK = re.compile(rf"^({_OPEN.pattern})\n", re.MULTILINE)
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
# what is left of an answer of a token or two, where a tag has several
_BEGINNINGS = tuple(start for start, _ in _TAGS) + ("<|channel|>analysis<|message|>",)
_LONGEST_TAG = max(map(len, _BEGINNINGS))
_START = re.compile(
    r"\A\s*(?:<s>\s*|<bos>\s*|<\|begin_of_text\|>\s*)?(?:<\|im_start\|>assistant\s|<\|start_header_id\|>assistant<\|end_header_id\|>\s*"
    r"|<start_of_turn>model\s|<\|assistant\|>\s*|<\|START_RESPONSE\|>)"
)


def without_thoughts(content: str) -> tuple[str, int]:
    """Returns the answer in what a model wrote, without thoughts and without template tokens at its ends, and how many
    characters of thought there were. A thought that was cut off leaves no answer, and so does a mere beginning of its tag.
    """
    text, thought = _after_channels(_START.sub("", content))
    start = 0
    while opening := _OPENING.match(text, start):
        closing = _CLOSING[opening[1]]
        end = text.find(closing, opening.end())
        if end < 0:
            # the tag counts, too: an answer of one token may be nothing else
            return "", thought + len(text[start:].strip())
        thought += len(text[opening.end() : end].strip())
        start = end + len(closing)
    if (closed := _CLOSED.search(text, start)) and not _OPEN.search(text, start, closed.start()):
        thought += len(text[start : closed.start()].strip())
        start = closed.end()
    text, inside = _without_block(text[start:])
    thought += inside
    if start or text != content:
        text = _START.sub("", text.lstrip())
    if _begins_tag(text.strip()):
        return "", thought + len(text.strip())
    return without_end_tokens(text), thought


def _without_block(text: str) -> tuple[str, int]:
    """Takes out a thought behind some first words, where its tags have lines of their own and are no part of code."""
    block = _BLOCK.search(text)
    if not block or text.count("```", 0, block.start()) % 2:
        return text, 0
    closing = f"\n{_CLOSING[block[1]]}"
    end = text.find(closing, block.end() - 1)
    if end < 0:
        return text, 0
    return text[: block.start()] + text[end + len(closing) :].lstrip(), end - block.end()


def _begins_tag(text: str) -> bool:
    return len(text) < _LONGEST_TAG and bool(text) and any(tag.startswith(text) for tag in _BEGINNINGS)


def without_end_tokens(text: str) -> str:
    """Takes the end tokens of a chat template off the end of an answer; "</s>" is HTML where it closes an "<s>"."""
    end = _stripped(text, len(text))
    while token := next((token for token in _END_TOKENS if text.endswith(token, 0, end)), None):
        if token == "</s>" and "<s>" in text:
            break
        end = _stripped(text, end - len(token))
    return text[:end] if end < len(text.rstrip()) else text


def _stripped(text: str, end: int) -> int:
    """Where the text before `end` ends without white space."""
    while end and text[end - 1].isspace():
        end -= 1
    return end


def _after_channels(text: str) -> tuple[str, int]:
    if _CHANNELS.match(text):
        *_, final = [None, *_FINAL.finditer(text)]
        return (text[final.end() :], final.end()) if final else ("", len(text))
    if _BARE_CHANNEL.match(text):
        final = _BARE_FINAL.search(text)
        return (text[final.end() :], final.end()) if final else ("", len(text))
    return text, 0
