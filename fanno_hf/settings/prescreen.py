"""Pre-screening: what a passage must be, which are near duplicates, which are of one community."""

from typing import Annotated, Literal

from annotated_types import Ge, Le

from fanno_hf.errors import UserError
from fanno_hf.settings.types import Closed, Cosine, Count, Natural, References, Share, Undecided, Verdicts, Words


class Markup(Closed):
    max_share: Share
    min_tags: Count


class Garbled(Closed):
    min_letter_share: Share
    max_broken_share: Share
    max_symbol_run: Count
    max_odd_word_share: Share
    max_consonant_run: Annotated[int, Ge(3)]
    max_one_letter_share: Share
    min_words: Natural


class Repetition(Closed):
    max_share: Share
    ngram_words: Annotated[int, Ge(2)]
    ngram_characters: Annotated[int, Ge(2)]
    min_words: Natural
    max_loop_share: Share
    min_loop: Annotated[int, Ge(3)]


class PersonalData(Closed):
    kinds: list[Literal["email", "phone", "card", "iban", "ip"]]
    region: str | None  # country whose national phone numbers are found too
    action: Literal["mask", "drop"]
    roles: Literal["keep", "find"]  # what becomes of e-mail addresses that are nobody's


class NearDuplicates(Closed):
    threshold: Annotated[float, Ge(0.01), Le(1)] | None  # Jaccard similarity of word n-grams; None looks for none
    ngram: Count
    num_perm: Annotated[int, Ge(16)]


class Communities(Closed):
    algorithm: Literal["fast", "louvain", "leiden", "components", "approximate"]
    threshold: Cosine | None  # cosine from which on two passages are neighbours; None compares none
    min_size: Count
    keep: Literal["longest", "first"]

    def check_together(self) -> None:
        """Raises UserError where the algorithm cannot work with the threshold."""
        if self.algorithm in ("louvain", "leiden") and self.threshold is not None and self.threshold <= 0:
            raise UserError(
                f"stages.prescreen.communities.threshold={self.threshold}: algorithm={self.algorithm} needs one above 0"
            )


class Prescreen(Closed):
    enabled: bool
    max_tokens: Count
    min_tokens: Natural
    markup: Markup
    garbled: Garbled
    repetition: Repetition
    drop_prompt_injections: bool
    prompt_injections: Words  # regular expressions
    personal_data: PersonalData
    near_duplicates: NearDuplicates
    against: References
    verdicts: Verdicts
    undecided: Undecided
    undecided_limit: Share  # of a verdict's rows; beyond it the stage stops
    communities: Communities
    longest_first: bool
