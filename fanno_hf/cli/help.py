"""`--help`: what this is, what can be asked for, and where the rest is. Fits a terminal of 100 columns."""

import textwrap

from fanno_hf.cli.keys import value_and_comment
from fanno_hf.pipeline.plan import SUMMARIES

_INTRODUCTION = """\
fanno_hf turns unlabelled documents into instruction-tuning data (method FANNO, arXiv 2408.01323).
A teacher model, the small one that comes with it or any behind a /v1 server, writes and judges
every instruction and response. Its answers are kept, so a stopped run can go on where it was.

Usage:  python -m fanno_hf [key=value …]

  python -m fanno_hf                                           the sample, the small model: minutes
  python -m fanno_hf data=files data.path=notes/ run=notes     your own documents
  python -m fanno_hf run=notes stage=report                    a page with the results
"""
_OPTIONS = {
    "data": "config.yaml",
    "data.path": "data/files.yaml",
    "teacher": "config.yaml",
    "teacher.base_url": "teacher/tgi.yaml",
    "run": "config.yaml",
    "stages.augment.target_size": "stages/augment.yaml",
    "random_seed": "config.yaml",
    "force": "config.yaml",
    "hub.repo_id": "hub/default.yaml",
    "debug": "config.yaml",
}
"""The options that most people need -> the file that explains each."""
_MORE = """\
Everything else:
  python -m fanno_hf --cfg job                  every key with its value; conf/ has them explained
  python -m fanno_hf -cd recipes -cn fanno-v1   a recipe, see recipes/README.md
  python -m fanno_hf -m key=value,value …       several runs, compared in one table
  python -m fanno_hf --hydra-help               what Hydra, which reads the options, can do besides
  README.md and docs/                           guides, the columns of the data, the architecture"""


def help_text() -> str:
    """Returns the help; options are explained by the comments in conf/."""
    options = {}
    for key, file in _OPTIONS.items():
        value, comment = value_and_comment(file, key.rpartition(".")[2])
        options[f"{key}={'…' if value in ('???', 'null') or len(value) > 10 else value}"] = comment
    parts = [_INTRODUCTION, "What to do (stage=…):", *_lines(SUMMARIES)]
    return "\n".join([*parts, "\nOptions, with their defaults:", *_lines(options), f"\n{_MORE}"])


def _lines(explained: dict[str, str]) -> list[str]:
    """Returns two columns, names and words; long words are wrapped within their column."""
    width = 2 + max(map(len, explained))
    indent = " " * (2 + width)
    return [
        textwrap.fill(f"  {name:{width}}{words}", 100, subsequent_indent=indent, break_on_hyphens=False)
        for name, words in explained.items()
    ]
