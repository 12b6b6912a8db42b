"""Rules that look at a passage before the teacher is asked: cheap, exact and the same on every machine.

A rule returns None to keep the text, else ``(reason, detail)``: a name for counting and a few words for a person.

    markup_reason("<ul><li><a href='/'>Home</a></li></ul> Hi")  ->  ("markup", "85 % of the characters are HTML")

All rules take linear time, and none raises on any text.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import regex

Reason = tuple[str, str]


def length_reason(num_tokens: int, min_tokens: int = 20, max_tokens: int = 512) -> Reason | None:
    """Rejects texts with fewer than ``min_tokens`` or more than ``max_tokens`` tokens; both bounds are allowed."""
    if num_tokens < min_tokens:
        return "too_short", f"{num_tokens} tokens < {min_tokens}"
    if num_tokens > max_tokens:
        return "too_long", f"{num_tokens} tokens > {max_tokens}"
    return None


# Format characters, marks without a base, and the blanks that Unicode counts as letters or symbols: Hangul fillers and
# the empty Braille cell.
_VISIBLE = regex.compile(r"[^\s\p{Z}\p{Cc}\p{Cf}\p{Cs}\p{M}\u115F\u1160\u2800\u3164\uFFA0]")


def empty_reason(text: object) -> Reason | None:
    """Rejects None, what is not a string, and strings in which nothing can be seen."""
    if text is None or text == "":
        return "empty", "no text"
    if not isinstance(text, str):
        return "empty", f"not a text: {type(text).__name__}"
    if not _VISIBLE.search(text):
        return "empty", "only invisible characters"
    return None


# Only the names of HTML: `List<String>`, `#include <vector>` and `if a <b and c> d` are no tags.
_TAG_NAMES = """a abbr address animate area article aside audio b base basefont bdi bdo big blockquote body br button
    canvas caption center circle cite code col colgroup data datalist dd defs del details dfn dialog dir div dl dt
    ellipse em embed fieldset figcaption figure font footer form frame frameset g h[1-6] head header hgroup hr html i
    iframe image img input ins kbd label legend li line link main map mark marquee math menu meta meter nav nobr
    noframes noscript object ol optgroup option output p param path picture polygon polyline pre progress q rect rp
    rt ruby s samp script section select slot small source span stop strike strong style sub summary sup svg symbol
    table tbody td template text textarea tfoot th thead time title tr track tt u ul use var video wbr"""
_TAG = re.compile(
    rf"(?P<comment><!--) | <!\w[^<>]*> | &(?:nbsp|amp|lt|gt|quot|apos|\#\d{{1,7}}|\#x[0-9a-f]{{1,6}});"
    rf"| </?(?P<name>{'|'.join(_TAG_NAMES.split())})(?=[\s/>])(?P<inside>[^<>]*)>",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_ATTRIBUTE = re.compile(
    r"""=\s*["'\w/\#.] | \b(?:async|autofocus|autoplay|checked|controls|defer|disabled|hidden|loop|multiple|muted
        |noshade|nowrap|open|readonly|required|reversed|selected)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSERS = {"comment": re.compile("-->"), **{n: re.compile(rf"</{n}\b[^<>]*>", re.I) for n in ("script", "style")}}
_QUOTED_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def markup_reason(text: str, max_share: float = 0.3, min_tags: int = 3) -> Reason | None:
    """Rejects texts that are mostly HTML: tags, comments, entities, scripts and style sheets.

    Code between Markdown backticks is shown on purpose and does not count as HTML.

    Args:
        text: Any text.
        max_share: Largest allowed share of HTML among the characters that are not white space, in [0, 1].
        min_tags: Texts with fewer tags only mention HTML and pass, at least 1.

    Returns:
        None, or ``("markup", ...)``.
    """
    total = _count_non_space(text)
    spans = _markup_spans(_QUOTED_CODE.sub(" ", text))
    share = sum(map(_count_non_space, spans)) / max(total, 1)
    if len(spans) < min_tags or share <= max_share:
        return None
    return "markup", f"{share:.0%} of the characters are HTML".replace("%", " %")


def _count_non_space(text: str) -> int:
    return sum(map(len, text.split()))


def _markup_spans(text: str) -> list[str]:
    """Lists tags, entities, and comments, scripts and style sheets with what they enclose."""
    spans: list[str] = []
    unclosed: set[str] = set()
    position = 0
    while match := _TAG.search(text, position):
        position = match.end()
        if match["name"] and not _is_tag(match["inside"]):
            continue
        kind = "comment" if match["comment"] else (match["name"] or "").lower()
        if kind in _CLOSERS and kind not in unclosed and not match[0].startswith("</"):
            closer = _CLOSERS[kind].search(text, position)
            if closer:
                position = closer.end()
            else:
                unclosed.add(kind)  # do not search the rest again at each further opening
        spans.append(text[match.start() : position])
    return spans


def _is_tag(inside: str) -> bool:
    return not inside.strip(" \t\r\n/") or _ATTRIBUTE.search(inside) is not None


# What UTF-8 continuation bytes look like when they are read as Latin-1 or Windows-1252, and as Windows-1251.
_CONTINUATION = "".join(map(chr, range(0x80, 0xC0))) + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
_NO_NBSP = re.escape(_CONTINUATION.replace("\xa0", ""))  # Spanish, Swedish and German write NBSP after a capital
_CONTINUATION = re.escape(_CONTINUATION)
_CYRILLIC_CONTINUATION = re.escape(bytes(range(0x80, 0xC0)).decode("cp1251", "ignore"))
_BROKEN = {
    "replacement characters": re.compile("\ufffd+|ï¿½"),
    # Runs of two are asked for where French sets such a letter before a guillemet (« été »).
    "mojibake": re.compile(
        f"[ÃÂ][{_CONTINUATION}]|[ÄÅÎÏÐÑØÙ][{_NO_NBSP}]|â[{_NO_NBSP}]{{2}}|(?:[àã-ï][{_CONTINUATION}]{{2}}){{2,}}"
        f"|ðŸ|ï»¿|(?:[РС][{_CYRILLIC_CONTINUATION}]){{3,}}"
    ),
    "control characters": re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]+"),
    "PDF glyph numbers": re.compile(r"\(cid:\d{1,6}\)"),
}
_WORD_CHARACTERS = regex.compile(r"[\p{L}\p{M}\p{N}]+")
# Punctuation of prose, code, formulas and drawn tables.
_STRUCTURE = regex.compile(
    r"""[\p{Ps}\p{Pe}\p{Pd}\p{Pc}\p{Pi}\p{Pf}\p{Sm}\p{Sc}.,;:!?"'*/\\^%\u2500-\u257F]+"""
    r"|[\p{Po}--[\x00-\x7F]]+",
    regex.V1,
)
# Less than 0.3 lets OCR rubbish pass; up to 0.45, passages of C, Perl and Python sources keep a share above 0.6.
_STRUCTURE_WEIGHT = 0.4
_RULER = regex.compile(r"([\p{P}\p{S}])\1{3,}")  # lines of tables, leaders in tables of contents
_SYMBOL_RUN = re.compile(r"[!-/:-@\[-`{-~]+")
_DISTINCT_IN_SOUP = 8  # rulers (-----) and table borders (+---+) are made of few different signs
_FORMULA = re.compile(r"[=+×÷<>≤≥≠≈∈∪∩√∑∏∫∂^*/−→⇒]")
_ALPHABETS = r"\p{Latin}\p{Cyrillic}\p{Greek}"
_ALPHABET_LETTER = regex.compile(rf"[{_ALPHABETS}]")
_ONE_LETTER = regex.compile(rf"(?<!\S)[{_ALPHABETS}](?!\S)")
_LETTER_WORD = regex.compile(r"[\p{L}\p{M}]+")


def garbled_reason(
    text: str,
    min_letter_share: float = 0.6,
    max_broken_share: float = 0.01,
    max_symbol_run: int = 30,
    max_odd_word_share: float = 0.25,
    max_one_letter_share: float = 0.5,
    max_consonant_run: int = 5,
    min_words: int = 8,
) -> Reason | None:
    """Rejects texts that a wrong encoding, a scanner or a broken extraction has made unreadable.

    Shares are of the characters that are not white space, or of the words. Combining marks and digits of all scripts
    count as letters, and punctuation that prose, code and formulas use weighs less than other symbols, so source code,
    tables and mathematics pass. Words are only judged in the Latin, Cyrillic and Greek scripts.

    Args:
        text: Any text.
        min_letter_share: Least share of letters and digits, in [0, 1].
        max_broken_share: Largest share of U+FFFD, mojibake (``Ã©``), control characters or ``(cid:7)``, in [0, 1].
        max_symbol_run: Longest allowed run of different ASCII symbols, at least 1.
        max_odd_word_share: Largest share of words that look misread: digits or symbols inside (``qu1ck``), no vowel,
            too many consonants in a row, Latin and Cyrillic letters mixed; in [0, 1].
        max_one_letter_share: Largest share of words of one letter (``s p a c e d``), unless in formulas; in [0, 1].
        max_consonant_run: Longest run of ASCII consonants in a word that is not odd, at least 3.
        min_words: Texts with fewer words are not judged by their words.

    Returns:
        None, or ``("garbled", ...)``.
    """
    total = _count_non_space(text)
    if total == 0:
        return None
    detail = (
        _broken_detail(text, total, max_broken_share)
        or _letter_detail(text, min_letter_share)
        or _symbol_detail(text, max_symbol_run)
        or _odd_word_detail(text, max_odd_word_share, max_consonant_run, min_words)
        or _one_letter_detail(text, max_one_letter_share, min_words)
    )
    return ("garbled", detail) if detail else None


def _length(matches: Iterable[re.Match[str]]) -> int:
    return sum(match.end() - match.start() for match in matches)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _broken_detail(text: str, total: int, max_share: float) -> str | None:
    found = {name: _length(pattern.finditer(text)) for name, pattern in _BROKEN.items()}
    share = min(sum(found.values()) / total, 1.0)  # control characters can be white space too
    return f"{_percent(share)} are broken, mostly {max(found, key=found.get)}" if share > max_share else None


def _letter_detail(text: str, min_share: float) -> str | None:
    text = _RULER.sub(" ", text)
    letters = _length(_WORD_CHARACTERS.finditer(text))
    structure = _length(_STRUCTURE.finditer(text))
    share = letters / max(_count_non_space(text) - (1 - _STRUCTURE_WEIGHT) * structure, 1)
    return f"{_percent(share)} letters and digits < {_percent(min_share)}" if share < min_share else None


def _symbol_detail(text: str, max_run: int) -> str | None:
    for match in _SYMBOL_RUN.finditer(text):
        length = match.end() - match.start()
        if length > max_run and len(set(match[0])) >= _DISTINCT_IN_SOUP:
            return f"{length} symbols in a row > {max_run}"
    return None


@lru_cache
def _odd_word_pattern(max_consonant_run: int) -> regex.Pattern:
    consonant = "[b-df-hj-np-tv-xz]"  # lower case, because abbreviations may lack vowels
    character = rf"[{_ALPHABETS}\p{{Nd}}]"
    return regex.compile(
        rf"[{_ALPHABETS}]\d[{_ALPHABETS}]"  # qu1ck
        r"|(?<!\w)[01](?!x)\p{Ll}{3}"  # 0ver
        r"|\p{Ll}\p{Lu}(?:\p{Ll}\p{Lu}|(?!\p{L}))"  # tHiS, thiS
        rf"|{character}[~#$%&!?;|@`\"¦§¶¬¤°•©®™¢£¥]{character}"  # jum~s
        rf"|[)\]]{character}"  # d()g
        r"|\p{Latin}\p{Cyrillic}|\p{Cyrillic}\p{Latin}"
        rf"|(?<!\p{{L}})(?i:{consonant}){consonant}{{3,}}+(?!\p{{L}})"  # vvhn
        rf"|{consonant}{{{max_consonant_run + 1}}}"
    )


def _odd_word_detail(text: str, max_share: float, max_consonant_run: int, min_words: int) -> str | None:
    pattern = _odd_word_pattern(max_consonant_run)
    words = [word for word in text.split() if _ALPHABET_LETTER.search(word) and "://" not in word]
    if len(words) < min_words:
        return None
    odd = sum(1 for word in words if not word.isupper() and pattern.search(word))  # H2O and CO2 are no misreadings
    share = odd / len(words)
    return f"{_percent(share)} of the words look misread" if share > max_share else None


def _one_letter_detail(text: str, max_share: float, min_words: int) -> str | None:
    words = sum(1 for _ in _LETTER_WORD.finditer(text))
    single = sum(1 for _ in _ONE_LETTER.finditer(text))
    operators = sum(1 for _ in _FORMULA.finditer(text))
    if words < min_words or 4 * operators > single:
        return None
    return f"{_percent(single / words)} of the words have one letter" if single > max_share * words else None


# One token per character where words are not separated by spaces.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_TOKEN = regex.compile(rf"[{_UNSPACED}]|[[\p{{L}}\p{{M}}\p{{N}}_]--[{_UNSPACED}]]+", regex.V1)
_LONGEST_WORD = 40  # characters; what is longer is no word (aaaaaa...) and is compared by character
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|[。！？।؟\n]")
_SHORT_PERIOD = 3  # "no no no no" is speech, a phrase of three words four times in a row is not


def repetition_reason(
    text: str,
    max_share: float = 0.45,
    max_loop_share: float = 0.2,
    min_words: int = 30,
    min_loop: int = 4,
    ngram_words: int = 5,
    ngram_characters: int = 10,
) -> Reason | None:
    """Rejects texts that say the same again and again: page furniture, copied paragraphs, looping models.

    The measures are the repetition filters of MassiveText (Rae et al. 2021, arXiv 2112.11446, table A1): the share of
    characters in duplicate lines, in duplicate sentences, and in duplicate n-grams of words, where a duplicate is any
    occurrence after the first. Their limits (0.30 of the lines, 0.15 of the characters in 5-grams) are for whole web
    pages; the default here is wider because in a passage a single refrain weighs more. Scripts without spaces are
    compared by n-grams of characters. A loop is one phrase many times in a row.

    Args:
        text: Any text.
        max_share: Largest share of characters in duplicates, in [0, 1].
        max_loop_share: Largest share of words in one loop, in [0, 1].
        min_words: Texts with fewer words are judged by loops only.
        min_loop: Repeats that make a loop of a phrase of three or more words, at least 3; a shorter phrase must
            fill as many words.
        ngram_words: Words in an n-gram, at least 2.
        ngram_characters: Characters in an n-gram of a script without spaces, at least 2.

    Returns:
        None, or ``("repetition", ...)``.
    """
    tokens = _tokens(text)
    if len(tokens) >= min_words:
        for name, units in (("lines", text.splitlines()), ("sentences", _SENTENCE_END.split(text))):
            share, unit = _duplicate_units(units)
            if share > max_share:
                return "repetition", f"repeated {name} make up {_percent(share)}, such as {_shorten(unit)!r}"
    by_character = 2 * sum(len(token) == 1 for token in tokens) > len(tokens)
    share, loop = _duplicate_ngrams(tokens, ngram_characters if by_character else ngram_words, min_loop)
    if loop > max_loop_share * len(tokens):
        return "repetition", f"a loop makes up {_percent(loop / len(tokens))}"
    if len(tokens) >= min_words and share > max_share:
        return "repetition", f"repeated phrases make up {_percent(share)}"
    return None


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    for match in _TOKEN.finditer(text.casefold()):
        tokens.extend(match[0] if len(match[0]) > _LONGEST_WORD else [match[0]])
    return tokens


def _shorten(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _duplicate_units(units: Iterable[str]) -> tuple[float, str]:
    """Returns the share of word characters in units seen before, and the unit that weighs most among them."""
    counts = Counter(" ".join(unit.casefold().split()) for unit in units)
    # Word characters only: the closing brackets of code and the rulers of tables weigh nothing.
    sizes = {unit: _length(_WORD_CHARACTERS.finditer(unit)) for unit in counts}
    extra = {unit: sizes[unit] * (count - 1) for unit, count in counts.items()}
    total = sum(sizes[unit] * count for unit, count in counts.items())
    return sum(extra.values()) / max(total, 1), max(extra, key=extra.get, default="")


def _duplicate_ngrams(tokens: Sequence[str], size: int, min_loop: int) -> tuple[float, int]:
    """Returns the share of characters in n-grams seen before, and the number of tokens in the longest loop."""
    covered = bytearray(len(tokens))
    last_seen: dict[tuple[str, ...], int] = {}
    lag = run = longest = 0
    for start in range(len(tokens) - size + 1):
        gram = tuple(tokens[start : start + size])
        before = last_seen.get(gram)
        last_seen[gram] = start
        if before is None or all(token.isdigit() for token in gram):  # columns of zeros are data
            run = 0
            continue
        covered[start : start + size] = b"\1" * size
        # A run of n-grams that all recur at the same distance is a phrase of that length, repeated.
        run = run + 1 if start - before == lag else 1
        lag = start - before
        length = run + size - 1 + lag
        if length >= min_loop * max(lag, _SHORT_PERIOD):
            longest = max(longest, length)
    repeated = sum(len(token) for token, flag in zip(tokens, covered, strict=True) if flag)
    return repeated / max(sum(map(len, tokens)), 1), longest


_NOUN_EN = r"(?:instructions?|prompts?)"
_PREVIOUS_EN = "(?:previous|prior|above|earlier|preceding|foregoing)"
_NOUN_ES = "(?:instruccion(?:es)?|indicaciones|[óo]rdenes|prompts?)"
INJECTION_PATTERNS = (
    # "Do not ignore the previous instructions" is advice to a reader. Commands and directives are left out: in manuals
    # of programs these do override earlier ones.
    rf"""(?x) (?<!\b(?:not|never)\s|n['’]t\s) \b(?:ignore|disregard|forget)\s+
        (?: (?:(?:all|any|of|the|your|my|these|those)\s+){{0,5}}
            (?: {_PREVIOUS_EN}\s+(?:\w+\s+)?{_NOUN_EN} | {_NOUN_EN}\s+(?:above|before\s+this|you\s+were\s+given) )
          | (?:all\s+(?:of\s+)?)?your\s+(?:system\s+)?{_NOUN_EN}
          | (?:everything|all\s+text)\s+above )\b""",
    r"(?x) \b(?:reveal|print|repeat|output|show)\s+(?:me\s+)?(?:your|the)\s+(?:system|hidden|initial)\s+prompt\b",
    r"""(?x) \b(?:ignorier(?:e|t|en)?|vergiss|vergesst|vergessen|missachte[nt]?)\s+
        (?:(?:sie|bitte|all|alle|sämtliche|die|deine|ihre)\s+){0,5}
        (?:bisherigen?|vorherigen?|vorigen?|vorangegangenen?|vorangehenden?|obigen?|früheren?)\s+
        (?:anweisung(?:en)?|instruktion(?:en)?|prompts?|vorgaben?|eingaben?)\b""",
    rf"""(?x) \b(?:ignor(?:a|e|ad|en|ar)|olvid(?:a|e|ad|en|ar)|descart(?:a|e|ad|en|ar)|haz\s+caso\s+omiso\s+de)\s+
        (?:(?:todas?|todos|las?|los|tus|sus)\s+){{0,3}}
        (?: {_NOUN_ES}\s+(?:anteriores|previ[ao]s|precedentes|de\s+arriba)
          | (?:anteriores|previ[ao]s)\s+{_NOUN_ES} )\b""",
    # The tokens of chat templates: ChatML, GPT-2, Llama 2 and 3, Gemma. "</s>" after "<s>" is struck-out HTML.
    r"<\|(?:im_start|im_end|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|system|user|assistant)\|>",
    r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|(?<!<s>[^<]{0,300})</s>",
)


def prompt_injection_reason(text: str, patterns: Sequence[str] = INJECTION_PATTERNS) -> Reason | None:
    """Rejects texts that give orders to the model that reads them, or contain the tokens of chat templates.

    Args:
        text: Any text.
        patterns: Regular expressions in the syntax of the ``regex`` package, matched without regard to case.

    Returns:
        None, or ``("prompt_injection", the words found)``.

    Raises:
        regex.error: If a pattern is malformed.
    """
    for pattern in patterns:
        if match := _compiled(pattern).search(text):
            return "prompt_injection", _shorten(" ".join(match[0].lower().split()), 80)
    return None


@lru_cache
def _compiled(pattern: str) -> regex.Pattern:
    return regex.compile(pattern, regex.IGNORECASE)
