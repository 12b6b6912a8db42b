"""How a value is written so that first the shell and then Hydra leave it as it is.

data.path=/a/b=c/x.txt  ->  "data.path='/a/b=c/x.txt'"
"""

import re
import shlex

_PLAIN = re.compile(r"[\w./:@-]+", re.ASCII)


def for_a_shell(override: str) -> str:
    """Returns `key=value` as it must be typed, its value quoted for Hydra; of a list each item that needs it.

    Quotes and backslashes in the value are kept.
    """
    key, _, value = override.partition("=")
    if value.startswith("[") and value.endswith("]"):
        items = (item.strip() for item in value[1:-1].split(","))
        value = f"[{','.join(item if _PLAIN.fullmatch(item) else _for_hydra(item) for item in items)}]"
    else:
        value = _for_hydra(value)
    word = f"{key}={value}"
    # double quotes are easier to read round single ones, and safe where a shell finds nothing to replace in them
    return shlex.quote(word) if re.search(r'["$`\\!]', word) else f'"{word}"'


def _for_hydra(text: str) -> str:
    quote = '"' if "'" in text and '"' not in text else "'"
    # in Hydra's quotes a backslash counts only where backslashes lead up to a quote, or to the end
    text = re.sub(rf"(\\*){quote}", rf"\1\1\\{quote}", text)
    text = re.sub(r"(\\+)$", r"\1\1", text)
    return f"{quote}{text}{quote}"
