"""fanno_hf: instruction-tuning data from unlabelled documents, with an open LLM as the only teacher (arXiv 2408.01323).

    run = fanno_hf.run(documents, "run=my-run", recipe="recipes/smoke.yaml")      ->  run.pairs, run.rejected("seed"), …

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(("run", "open", "doctor", "estimate"), "fanno_hf.python.calls"),
    "Run": "fanno_hf.python.result",
    **dict.fromkeys(("FannoError", "UserError"), "fanno_hf.errors"),
}
"""Public name -> the module it is in."""
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
