"""What the declarations share: types with their ranges, and the two kinds of groups.

combinations: Count    of a Closed group    ->  a whole number of at least 1, and no other key beside those declared
"""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MinLen
from pydantic import BaseModel, BeforeValidator, ConfigDict

Count = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
NotNegative = Annotated[float, Ge(0)]
Money = Annotated[float, Ge(0), Le(1e9)]
Seconds = Annotated[float, Ge(0.001)]
Share = Annotated[float, Ge(0), Le(1)]
PositiveShare = Annotated[float, Ge(1e-6), Le(1)]
Cosine = Annotated[float, Ge(-1), Le(1)]
Text = Annotated[str, MinLen(1), "text"]
Path = Annotated[str, MinLen(1), "path"]
Words = list[Annotated[str, MinLen(1)]]
References = Annotated[list[Any], "references"]
# question -> probability of "yes" from which on a row is dropped; None does not ask. None for all of them asks nothing
Verdicts = Annotated[dict[str, Share | None], BeforeValidator(lambda given: {} if given is None else given)]
Undecided = Literal["keep", "drop"]  # what becomes of a row where the teacher says neither yes nor no


class Group(BaseModel):
    """A group of settings: values have their type already, nothing is converted, nothing changes. No number is infinite or
    none: run.json, which has most of them, could not be read again."""

    model_config = ConfigDict(strict=True, frozen=True, populate_by_name=True, allow_inf_nan=False)


class Closed(Group):
    """A group that has the declared keys and no other: a misspelt one in a recipe would be read by nobody."""

    model_config = ConfigDict(extra="forbid")
