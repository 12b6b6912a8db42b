"""Measures how varied, how long and how good the rows of an instruction data set are.

{"rows": 33, …, "instructions": {"distinct_1": 0.41, "distinct_2": 0.87}, …, "vendi_score": {"score": 17.3, "share": 0.52}}

Every figure is computed from the rows alone, with no random choice; what cannot be computed is None, never NaN.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from fanno_hf.report.diversity import distinct_n, entropy, mean_similarity, vendi_score
from fanno_hf.report.measured import Measured
from fanno_hf.texts.segment import words
from fanno_hf.texts.verbs import VerbNouns
from fanno_hf.vectors.nearest import nearest

TOP_VERBS, TOP_NOUNS = 20, 4
_QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}


def measure(
    rows: Measured,
    *,
    near_repeat_threshold: float,
    tag_names: Mapping[str, Sequence[str]] | None,
    verbs: VerbNouns | None,
) -> dict[str, Any]:
    """Measures a data set.

    Args:
        near_repeat_threshold: cosine in [-1, 1] from which two instructions count as the same.
        tag_names: kind of tag -> its names, so that unused ones are counted too; None: unknown.
        verbs: the verb and noun of each instruction; None where no parser is installed.

    Returns:
        Strings, numbers, lists, dicts and None, so that `json.dumps(…, allow_nan=False)` takes it; keys in a fixed
        order, shares in [0, 1], floats with four digits.
    """
    return {
        "rows": len(rows.instructions),
        "of": rows.of,
        "instructions": _distinct(rows.instructions),
        "verb_noun": None if verbs is None else _verb_noun(verbs),
        **_diversity(rows.embeddings, near_repeat_threshold),
        "mentions_document": _mean(rows.mentions_document),
        "instruction_tokens": lengths(rows.instruction_tokens),
        "response_tokens": lengths(rows.response_tokens),
        "tags": None if rows.tags is None else _tags(rows.tags, tag_names),
        "responses": _responses(rows),
        "quality": _quality(rows.quality),
        "rounds": None if rows.rounds is None else _rounds(rows, verbs),
    }


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _mean(values: Iterable[float]) -> float | None:
    values = np.fromiter(values, dtype=np.float64)
    return _number(values.mean()) if len(values) else None


def _quantiles(values: np.ndarray, **points: float) -> dict[str, float | None]:
    return {name: _number(np.quantile(values, at)) if len(values) else None for name, at in points.items()}


def lengths(tokens: np.ndarray) -> dict[str, float | None]:
    """Returns {mean, sd, min, q1, median, q3, p95, max} of lengths in tokens; `sd` is that of the population."""
    tokens = np.asarray(tokens, dtype=np.float64)
    deviation = _number(tokens.std()) if len(tokens) else None
    return {"mean": _mean(tokens), "sd": deviation, **_quantiles(tokens, min=0, **_QUARTILES, p95=0.95, max=1)}


def _distinct(texts: Sequence[str]) -> dict[str, float | None]:
    codes: dict[str, int] = {}
    coded = [[codes.setdefault(word, len(codes)) for word in words(text.casefold())] for text in texts]
    return {"distinct_1": _number(distinct_n(coded, 1)), "distinct_2": _number(distinct_n(coded, 2))}


def _verb_noun(verbs: VerbNouns) -> dict[str, Any]:
    counts = Counter(pair for pair in verbs.pairs if pair is not None)
    total = counts.total()
    return {
        "parser": verbs.parser,
        "looked_at": verbs.of,
        "with_pair": total,
        "verb_noun_pairs": len(counts),
        "entropy_bits": _number(entropy(list(counts.values())) / np.log(2)) if total else None,
        "without_pair": verbs.of - total - verbs.skipped,
        "other_languages": verbs.skipped,
        "top": [
            {"verb": verb, "count": count, "nouns": [{"noun": noun, "count": times} for noun, times in nouns]}
            for verb, count, nouns in top_verbs(verbs.pairs)
        ],
    }


def top_verbs(pairs: Iterable[tuple[str, str] | None]) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """Returns the 20 most frequent verbs with their counts and 4 most frequent nouns; ties in alphabetical order."""
    by_verb: dict[str, Counter[str]] = {}
    for verb, noun in filter(None, pairs):
        by_verb.setdefault(verb, Counter())[noun] += 1
    verbs = sorted(by_verb, key=lambda verb: (-by_verb[verb].total(), verb))[:TOP_VERBS]
    return [
        (verb, by_verb[verb].total(), sorted(by_verb[verb].items(), key=lambda item: (-item[1], item[0]))[:TOP_NOUNS])
        for verb in verbs
    ]


def _diversity(embeddings: np.ndarray | None, threshold: float) -> dict[str, Any]:
    found: dict[str, Any] = {"similarity": None, "vendi_score": None, "near_repeats": None}
    if embeddings is None or not len(embeddings):
        return found
    score = vendi_score(embeddings)
    found["vendi_score"] = {"score": _number(score), "share": _number(score / len(embeddings))}
    if len(embeddings) < 2:
        return found
    closest = nearest(embeddings, embeddings, itself=False)[1].astype(np.float64)
    found["similarity"] = {
        "mean": _number(mean_similarity(embeddings)),
        "max": _number(closest.max()),
        "mean_nearest": _mean(closest),
        "nearest": _quantiles(closest, **_QUARTILES, p95=0.95),
    }
    found["near_repeats"] = {"threshold": threshold, "share": _mean(closest >= threshold)}
    return found


def _tags(tags: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]] | None) -> dict[str, Any]:
    known, kinds = names or {}, {}
    for kind, used in tags.items():
        found, listed = Counter(used), known.get(kind, ())
        counts = {name: found[name] for name in (*listed, *sorted(found.keys() - set(listed)))}
        kinds[kind] = {"evenness": _evenness(list(counts.values())), "counts": counts}
    return {
        "combinations": len(set(zip(*tags.values(), strict=True))),
        "of": int(np.prod([len(set(known[kind])) for kind in tags])) if tags and set(tags) <= set(known) else None,
        "kinds": kinds,
    }


def _evenness(counts: Sequence[int]) -> float | None:
    """Returns the entropy relative to that of equal counts (Pielou 1966): 1 means that all names are used equally."""
    return _number(entropy(counts) / np.log(len(counts))) if len(counts) > 1 and sum(counts) else None


def _responses(rows: Measured) -> dict[str, Any]:
    texts, finish = rows.responses, rows.finish_reasons
    return {
        **_distinct(texts),
        "type_token_ratio": _type_token_ratio(texts),
        "empty": _mean(not text.strip() for text in texts),
        "cut_off": None if finish is None else _mean(reason == "length" for reason in finish),
    }


def _type_token_ratio(texts: Sequence[str]) -> float | None:
    """Returns the mean over texts of distinct words / words (Templin 1957); texts without a word are left out."""
    split = (words(text.casefold()) for text in texts)
    return _mean(len(set(found)) / len(found) for found in split if found)


def _quality(quality: np.ndarray) -> dict[str, Any]:
    judged = quality[~np.isnan(quality)]
    return {"judged": len(judged), "mean": _mean(judged), **_quantiles(judged, **_QUARTILES)}


def _rounds(rows: Measured, verbs: VerbNouns | None) -> list[dict[str, Any]]:
    pairs = cumulative_pairs(rows.rounds, verbs) if verbs else {}
    return [
        {
            "round": int(window),
            "rows": int((rows.rounds == window).sum()),
            "instruction_tokens": _quantiles(rows.instruction_tokens[rows.rounds == window], **_QUARTILES),
            "verb_noun_pairs": pairs.get(int(window)),
        }
        for window in np.unique(rows.rounds)
    ]


def cumulative_pairs(rounds: np.ndarray, verbs: VerbNouns) -> dict[int, int]:
    """Returns window -> distinct verb-noun pairs of all instructions up to it, the window's own included."""
    seen: set[tuple[str, str]] = set()
    found: dict[int, int] = {}
    for row in np.argsort(rounds, kind="stable").tolist():
        if (pair := verbs.pairs[row]) is not None:
            seen.add(pair)
        found[int(rounds[row])] = len(seen)
    return found
