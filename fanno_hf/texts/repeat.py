"""What a text repeats: the value that every search for duplicates gives back."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Repeat:
    """An earlier or better text that a text repeats."""

    of: int  # the other's index: among the pool's texts if `in_pool`, else among those that were compared
    similarity: float  # of the two, at most 1: a cosine or a Jaccard similarity
    in_pool: bool  # whether the other is one of the texts that stay in any case

    @classmethod
    def at(cls, place: int, similarity: float, pool_size: int) -> "Repeat":
        """Returns the repeat of a text whose place counts the pool's texts first."""
        in_pool = place < pool_size
        return cls(place if in_pool else place - pool_size, similarity, in_pool)
