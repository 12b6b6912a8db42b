"""What a stage asked of the teacher, in words: for its line in the log, the terminal and the card.

{"requests": 400, "resent": 18, "failed": 1, "faults": {"503: busy": 15}, "prompt_tokens": 12345, …}
    ->  "400 requests answered, 18 sent again, 1 failed (503: busy 15), 12,345 + 678 tokens, 2.31 USD"
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fanno_hf.costs import in_words

_MOST_FAULTS, _LONGEST = 5, 80


def usage_in_words(entry: Mapping[str, Any]) -> str:
    """Returns what a stage's entry of run.json says about requests, tokens and cost; what is zero is left out."""
    parts = [f"{entry['requests']:,} requests answered", *_trouble(entry)]
    if entry["from_journal"]:
        parts.append(f"{entry['from_journal']:,} from the journal")
    if entry["prompt_tokens"] or entry["completion_tokens"]:
        about = "about " if entry.get("estimated") else ""
        parts.append(f"{about}{entry['prompt_tokens']:,} + {entry['completion_tokens']:,} tokens")
    if thinking := entry.get("thinking_tokens"):
        parts[-1] += f" ({thinking:,} of them thinking)"
    if (cost := entry.get("cost")) and (price := entry.get("price")):
        parts.append(in_words(cost, price["currency"]))
    return ", ".join(parts)


def _trouble(entry: Mapping[str, Any]) -> list[str]:
    names = {"resent": "sent again", "refused": "refused", "failed": "failed"}
    found = [f"{entry[key]:,} {said}" for key, said in names.items() if entry.get(key)]
    if faults := Counter(entry.get("faults") or {}).most_common():
        said = [f"{' '.join(words.split())[:_LONGEST]} {count:,}" for words, count in faults[:_MOST_FAULTS]]
        said += [f"{len(faults) - _MOST_FAULTS} more kinds"] if len(faults) > _MOST_FAULTS else []
        found[-1:] = [f"{found[-1] if found else 'trouble'} ({', '.join(said)})"]
    return found


def usage_of_all(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sum of what all stages of a run.json asked, as `usage_in_words` reads it."""
    entries = list(manifest["stages"].values())
    names = ("requests", "from_journal", "prompt_tokens", "completion_tokens", "resent", "refused", "failed")
    names = (*names, "estimated", "verdicts_from_text", "thinking_tokens")
    total: dict[str, Any] = {name: sum(entry.get(name, 0) for entry in entries) for name in names}
    total["faults"] = sum((Counter(entry.get("faults") or {}) for entry in entries), Counter())
    priced = [entry for entry in entries if entry.get("cost") and entry.get("price")]
    if len({entry["price"]["currency"] for entry in priced}) == 1:
        total |= {"cost": sum(entry["cost"] for entry in priced), "price": priced[-1]["price"]}
    return total
