"""The verb-noun wheel: the most frequent root verbs in the inner ring, their most frequent nouns around them."""

from typing import TYPE_CHECKING

import numpy as np

from fanno_hf.report.style import HUES, PAPER, WIDTH, blank, clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_HOLE, _MIDDLE, _RIM = 0.22, 0.60, 0.71  # radii of the rings; the nouns' names stand outside
_VERB_SIZE, _NOUN_SIZE = 10.0, 9.5  # points
_REACH = 1.13  # radius of what is shown, names included
_INCH = WIDTH / 2 / _REACH


def wheel(verbs: list[tuple[str, int, list[tuple[str, int]]]]) -> "Canvas":
    """Draws verbs with their nouns, at least one, as returned by `metrics.top_verbs`.

    The angle of a noun is proportional to how often the pair occurs. A name is left out where its slice is too narrow
    for a line of text.
    """
    canvas = blank(WIDTH)
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-_REACH, _REACH), ylim=(-_REACH, _REACH), aspect="equal")
    axes.set_axis_off()
    nouns = [[count for _, count in found] for _, _, found in verbs]
    total = sum(map(sum, nouns))
    start = 90.0
    for place, (verb, _, found) in enumerate(verbs):
        # neighbours differ, and so do the last and the first
        hue = HUES[place % len(HUES)] if place < len(verbs) - 1 or place % len(HUES) else HUES[2]
        width = 360 * sum(nouns[place]) / total
        _slice(axes, start, width, (_HOLE, _MIDDLE), hue)
        _name(axes, start - width / 2, width, _MIDDLE - 0.02, clean(verb, 13), inside=True)
        for noun, count in found:
            part = 360 * count / total
            _slice(axes, start, part, (_MIDDLE, _RIM), hue, alpha=0.5)
            _name(axes, start - part / 2, part, _RIM + 0.02, clean(noun, 14))
            start -= part
    return canvas


def _slice(axes: "Axes", start: float, width: float, radii: tuple[float, float], hue: str, alpha: float = 1.0) -> None:
    """Draws one slice clockwise from `start`; angles in degrees."""
    from matplotlib.patches import Wedge

    inner, outer = radii
    gap = min(0.35, width / 6)
    ends = start - width + gap / 2, start - gap / 2
    axes.add_patch(Wedge((0, 0), outer, *ends, width=outer - inner, color=hue, alpha=alpha, lw=0))


def _name(axes: "Axes", angle: float, width: float, radius: float, name: str, inside: bool = False) -> None:
    """Writes a name along the radius: outwards from `radius`, or in white on the slice, inwards from it."""
    size = _VERB_SIZE if inside else _NOUN_SIZE
    narrowest = radius - 0.16 if inside else radius  # where the slice must be wide enough
    if np.radians(width) * narrowest * _INCH * 72 < 0.95 * size:
        return
    turned = np.cos(np.radians(angle)) < 0  # names in the left half would be upside down
    axes.text(
        radius * np.cos(np.radians(angle)),
        radius * np.sin(np.radians(angle)),
        name,
        size=size,
        rotation=angle + 180 if turned else angle,
        rotation_mode="anchor",
        ha="left" if turned == inside else "right",
        va="center",
        parse_math=False,
        **({"color": PAPER} if inside else {}),
    )
