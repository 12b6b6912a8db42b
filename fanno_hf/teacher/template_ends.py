"""Tokens of a chat template at the ends of an answer: they begin or end a turn, and are no part of it.

"<|im_start|>assistant\\nThey drink.<|im_end|>"  ->  "They drink."
"<s>old</s> new"                                ->  as it is: HTML that is struck through
"""

import re

_END_TOKENS = (
    *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>", "<|call|>", "<|endoftext|>"),
    *("<|end_of_text|>", "<end_of_turn>", "<eos>", "</s>", "<|EOT|>", "<|eot|>", "<|eos|>", "<|end_of_turn|>"),
    *(
        "<|END_OF_TURN_TOKEN|>",
        "<|END_RESPONSE|>",
        "<｜end▁of▁sentence｜>",
        "<|im_start|>",
        "<|user|>",
        "<|endofturn|>",
    ),
    *(
        "[/INST]",
        "[EOS]",
        "<EOS_TOKEN>",
        "<|end_of_solution|>",
        "<|end_of_box|>",
        "<|assistant|>",
        "<|endofassistant|>",
    ),
    # fill and lost characters of a tokenizer, and a line's end in bytes
    *("<pad>", "<PAD>", "[PAD]", "<|pad|>", "<unk>", "<0x0A>", "[gMASK]", "<sop>"),
)
_BEGINNING = (
    r"<bos>|<unk>|<pad>|\[BOS\]|\[gMASK\]|<sop>|<\|begin_of_text\|>|<\|startoftext\|>|<｜begin▁of▁sentence｜>"
    r"|<\|begin_of_solution\|>|<\|begin_of_box\|>"
)
_ROLE = (
    r"<\|im_start\|>assistant\s|<\|start_header_id\|>assistant<\|end_header_id\|>\s*|<start_of_turn>model\s|<\|assistant\|>\s*"
    r"|<\|START_RESPONSE\|>|<｜Assistant｜>|assistant\n\n(?=\S)"  # the last with its tokens taken out
)
_ANY = rf"(?:(?:<s>|{_BEGINNING})\s*)+(?:{_ROLE})?|{_ROLE}"
_START = re.compile(rf"\A\s*(?:{_ANY})")
# where a text is struck through, only a token beside it tells the beginning of a turn from HTML
_START_IN_HTML = re.compile(
    rf"\A\s*(?:<s>\s*(?={_ROLE}|{_BEGINNING}|<think|\[THINK))?(?:(?:{_BEGINNING})\s*)*(?:{_ROLE})?"
)


def without_start_tokens(text: str) -> str:
    """Takes the tokens that begin a turn off an answer; without any it stays as it is.

    >>> without_start_tokens("<unk>They drink.")
    'They drink.'
    """
    found = (_START_IN_HTML if "</s>" in text else _START).match(text)
    return text[found.end() :] if found and found.group().strip() else text


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
