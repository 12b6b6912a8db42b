"""Several processes that train one student (`accelerate launch`): the first reads and writes, the others follow it.

accelerate launch --num_processes 4 -m fanno_hf stage=train   ->  RANK 0 … 3, WORLD_SIZE 4
"""

import os
from typing import Any


def count() -> int:
    """Returns how many processes train together."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def is_first() -> bool:
    """Returns whether this process reads and writes."""
    return int(os.environ.get("RANK") or 0) == 0


def told(value: Any = None) -> Any:
    """Returns what the first process gives here, to all of them; the others wait for it."""
    if count() == 1:
        return value
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState(cpu=not torch.cuda.is_available())
    return broadcast_object_list([value])[0]
