"""The root verb of an instruction and its direct object, from a parse by spaCy.

    "Please write a short poem about moss."  ->  ("write", "poem")
    "How many legs does a spider have?"      ->  ("have", "leg")
    "Explain how mosses drink."              ->  None: no direct object
    "Résume le texte."                       ->  None, and counted as another language

As in Self-Instruct (Wang et al. 2023, appendix): of the first sentence, the verb at the root, or the first one below
it, and its direct object where that is a common noun.
"""

import logging
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from fanno_hf.texts.segment import words

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Token

logger = logging.getLogger(__name__)

MISSING = (
    "Reading verbs and nouns needs spaCy and a small English model: `pip install 'fanno_hf[verbs]'` and "
    "`python -m spacy download en_core_web_sm`."
)
_MOST_WORDS, _MOST_CHARACTERS = 60, 600  # the task is near the beginning; bounds the work on any text
_BATCH = 256
_NEEDED = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer")
_POSSESSIVE = re.compile(r"['’]s\b")
_LETTERS = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿ]")
# languages in Latin script that spaCy has a long list of stop words for; two short lists (et, eu) would never win
_LANGUAGES = (
    *("cs", "da", "de", "en", "es", "fi", "fr", "hr", "hu", "id", "it"),
    *("lt", "nb", "nl", "pl", "pt", "ro", "sk", "sv", "tr", "vi"),
)


@dataclass(frozen=True)
class VerbNouns:
    """The verbs and nouns of some texts."""

    # (verb, noun) of each text, both as lemmas; None where there is none, and in other languages
    pairs: Sequence[tuple[str, str] | None]
    skipped: int  # how many texts are not English and were not parsed
    parser: str  # name and version of the model, as in "en_core_web_sm 3.8.0"
    # how many of the texts were read, the skipped ones included; None: all. The others have no pair
    looked_at: int | None = None

    @property
    def of(self) -> int:
        """How many texts were looked at."""
        return len(self.pairs) if self.looked_at is None else self.looked_at


def find_parser(names: Sequence[str]) -> "VerbParser | None":
    """Loads the first of some spaCy models ("en_core_web_sm") that is installed; None if spaCy or every model is missing.

    Nothing is downloaded. Their data is read; their code is not run. `MISSING` says how to install them.
    """
    folders = {name: folder for name in names if (folder := _data_folder(name))}
    if not folders:
        return None  # importing spaCy takes seconds
    try:
        import spacy
    except ImportError:
        return None
    for name, folder in folders.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about a model made for another version of spaCy
                language = spacy.load(folder, exclude=["ner", "senter"], disable=["attribute_ruler", "lemmatizer"])
        except (ImportError, OSError, ValueError) as error:
            logger.warning("the spaCy model '%s' cannot be loaded (%s)", name, error)
            continue
        if (
            language.lang == "en"
            and set(_NEEDED) <= set(language.component_names)
            and language.get_pipe("lemmatizer").lookups.has_table("lemma_index")
        ):
            return VerbParser(language, f"{name} {language.meta['version']}")
        logger.warning("the spaCy model '%s' is not English, or lacks one of %s", name, ", ".join(_NEEDED))
    return None


def _data_folder(name: str) -> Path | None:
    """Returns the folder with the model's config.cfg inside an installed package, without importing the package."""
    spec = find_spec(name) if name.isidentifier() else None  # of "a.b" find_spec would import a
    for place in (spec and spec.submodule_search_locations) or ():
        found = sorted(Path(place).glob("*/config.cfg"))
        if found:
            return found[-1].parent
    return None


class VerbParser:
    """Reads the verb and noun of instructions with a spaCy pipeline that has all of `_NEEDED`; `find_parser` makes one."""

    def __init__(self, language: "Language", name: str):
        from thinc.api import NumpyOps

        self.language, self.name = language, name
        self._lemmas: dict[tuple[str, str], str] = {}
        # on recent processors numpy multiplies matrices two to three times as fast as the library that spaCy ships
        ops = NumpyOps(use_blis=False)
        for node in language.get_pipe("tok2vec").model.walk():
            node.ops = ops
        index = language.get_pipe("lemmatizer").lookups.get_table("lemma_index")
        # words of two letters are mostly abbreviations: "el", "la", "de"
        self._english = frozenset(word for part in index.values() for word in part if len(word) > 2)

    def read(self, texts: Sequence[str]) -> VerbNouns:
        """Reads the pair of each text, in its first 60 words; a thousand texts take one to three seconds."""
        prepared = [_prepared(text) for text in texts]
        english = {text: self.is_english(text) for text in dict.fromkeys(prepared)}
        asked = [text for text in english if english[text] and text]
        read = dict(zip(asked, map(self._pair, self.language.pipe(asked, batch_size=_BATCH)), strict=True))
        return VerbNouns([read.get(text) for text in prepared], sum(not english[text] for text in prepared), self.name)

    def is_english(self, text: str) -> bool:
        """Tells whether a text is English: it has more stop words of English than of any other language.

        Names do not count ("Las Vegas", "AI"), nor do stop words of other languages that are English words too ("car",
        "final"). With at most one stop word of any language ("Explain photosynthesis.") at least half of the words must
        be in the lemmatizer's list of English words. Otherwise a tie counts as English if all letters are ASCII.
        """
        letters = _LETTERS.findall(text)
        if 2 * len(_LATIN.findall(text)) < len(letters):
            return False
        found = words(_POSSESSIVE.sub("", text))
        plain = [word.casefold() for i, word in enumerate(found) if word[0].isalpha() and (i == 0 or word.islower())]
        counts = Counter(language for word in plain for language in self._languages(word))
        english = counts.pop("en", 0)
        others = max(counts.values(), default=0)
        if max(english, others) <= 1:
            return 2 * sum(self._knows(word) for word in plain) >= len(plain)
        return english > others or english == others and all(letter.isascii() for letter in letters)

    def _languages(self, word: str) -> Sequence[str]:
        languages = _stop_words().get(word, ())
        return () if "en" not in languages and word in self._english else languages

    def _knows(self, word: str) -> bool:
        languages = _stop_words().get(word, ())
        if languages:
            return "en" in languages
        return any(word.removesuffix(ending) in self._english for ending in ("", "s", "es"))

    def _pair(self, doc: "Doc") -> tuple[str, str] | None:
        token = next(doc.sents).root
        while token is not None:
            objects = [child for child in token.children if child.dep_ in ("dobj", "obj")]
            nouns = [child for child in objects if child.tag_ in ("NN", "NNS")]
            if nouns:  # only verbs have objects, whatever their tag
                pair = self._lemma(token, "VB"), self._lemma(nouns[0], "NN")
                return pair if all(word.isalpha() and len(word) <= 30 for word in pair) else None
            if token.tag_.startswith("VB"):
                return None
            token = next(token.children, None)
        return None

    def _lemma(self, token: "Token", kind: str) -> str:
        """Returns the lemma of a word by its tag: on whole texts the two components would take as long as the parse."""
        key = (token.text, token.tag_ if token.tag_.startswith(kind) else kind)
        if key not in self._lemmas:
            from spacy.tokens import Doc

            doc = Doc(self.language.vocab, words=[key[0]], tags=[key[1]])
            for component in ("attribute_ruler", "lemmatizer"):
                doc = self.language.get_pipe(component)(doc)
            self._lemmas[key] = doc[0].lemma_.lower()
        return self._lemmas[key]


def _prepared(text: str) -> str:
    """Returns the beginning of a text on one line, without control characters and lone surrogates."""
    start = text.lstrip()[:_MOST_CHARACTERS]
    visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in start)
    return " ".join(visible.split()[:_MOST_WORDS])


@cache
def _stop_words() -> Mapping[str, Sequence[str]]:
    """Returns word -> the languages it is a stop word of."""
    import spacy.lang

    found: dict[str, list[str]] = {}
    for language in _LANGUAGES:
        # the file alone: importing all of spacy.lang.fr takes seconds
        path = Path(spacy.lang.__path__[0]) / language / "stop_words.py"
        if not path.is_file():
            continue
        spec = spec_from_file_location(f"stop_words_{language}", path)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        for word in {word.casefold() for word in module.STOP_WORDS}:
            found.setdefault(word, []).append(language)
    return found
