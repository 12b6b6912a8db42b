"""How every figure of the report looks, and how it becomes bytes.

A figure is drawn once, in colours for a light page; its dark variant has the same lines in other inks. The colours of
data are the same in both: their contrast with white and with near-black is at least 3.9 : 1.
"""

import io
import logging
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fanno_hf.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure as Canvas

OURS, OTHER = "#1F7FC4", "#C95A00"  # blue and orange: distinct with any colour blindness
HUES = ("#1579BD", "#C2410C", "#008466", "#9660AB", "#857300")  # contrast with white letters: 4.6 : 1
INK, MUTED, GRID = "#1f2328", "#59636e", "#d1d9e1"
PAPER, GROUND = "#ffffff", "#fffffe"  # of letters; behind a label
DARK = {INK: "#e6edf3", MUTED: "#9198a1", GRID: "#2b313a", GROUND: "#0d1117"}
WIDTH, HEIGHT = 6.4, 4.0  # inches
_DPI = 150
_FONTS = "system-ui, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
_SETTINGS = {
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.parse_math": False,  # a "$" in a text from the data is a dollar
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "figure.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "fanno_hf",
}


@dataclass(frozen=True)
class Figure:
    """A figure of the report, or the sentence shown in its place."""

    name: str  # of its file, as "verb_noun_wheel"
    title: str  # a few words
    caption: str  # one or two sentences: what is drawn, and of how many rows
    alt: str  # text for readers who cannot see it
    png: bytes | None = None  # on white, for the folder; None if it could not be drawn, like `light` and `dark`
    light: bytes | None = None  # SVG on a transparent ground, for a light page
    dark: bytes | None = None  # SVG for a dark page
    note: str | None = None  # why it could not be drawn, or None


def check_installed() -> None:
    """Raises UserError, with the pip command, if matplotlib is not installed; imports nothing."""
    if find_spec("matplotlib") is None:
        raise UserError('the figures need matplotlib; install it with: pip install "fanno_hf[report]"')


@contextmanager
def house_style() -> Iterator[None]:
    """Sets matplotlib's settings and silences its warnings about missing glyphs."""
    import matplotlib

    fonts = logging.getLogger("matplotlib.font_manager")
    level = fonts.level
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # whatever a matplotlibrc says
        matplotlib.rcParams.update(_SETTINGS)
        warnings.simplefilter("ignore")
        fonts.setLevel(logging.ERROR)
        try:
            yield
        finally:
            fonts.setLevel(level)


def blank(height: float = HEIGHT) -> "Canvas":
    """Returns an empty canvas of the usual width; `height` in inches."""
    from matplotlib.figure import Figure as Canvas

    return Canvas(figsize=(WIDTH, height), layout="constrained")


def rendered(name: str, title: str, caption: str, alt: str, paint: Callable[[], "Canvas"]) -> Figure:
    """Paints a figure; the same data give the same bytes."""
    with house_style():
        canvas = paint()
        png = _bytes(canvas, format="png", dpi=_DPI, facecolor=PAPER, metadata={"Software": None})
        svg = _bytes(canvas, format="svg", dpi=_DPI, metadata={"Date": None, "Creator": None})
    light = svg.decode("utf-8").replace("'DejaVu Sans', sans-serif", _FONTS)
    dark = light
    for ink, instead in DARK.items():
        dark = dark.replace(ink, instead)
    return Figure(name, title, caption, alt, png, light.encode("utf-8"), dark.encode("utf-8"))


def _bytes(canvas: "Canvas", **settings) -> bytes:
    buffer = io.BytesIO()
    canvas.savefig(buffer, **settings)
    return buffer.getvalue()


def clean(text: str, most: int = 24) -> str:
    """Returns a text from the data as a short label: one line, no control characters, cut at `most` characters."""
    visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 8 * most])
    line = " ".join(visible.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def short(number: float) -> str:
    """Returns a number for a label: 950, 12k, 3.4M.

    >>> [short(number) for number in (0, 950, 12_345, 1_500, 3_400_000)]
    ['0', '950', '12k', '1.5k', '3.4M']
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.{0 if abs(number) >= 10 * size else 1}f}".removesuffix(".0") + letter
    return f"{number:.0f}" if number == int(number) or abs(number) >= 10 else f"{number:.2g}"


def whole_numbers(*sides: "Axis") -> None:
    """Puts ticks at whole numbers only, written short."""
    from matplotlib.ticker import MaxNLocator

    for axis in sides:
        axis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        axis.set_major_formatter(lambda value, _: short(value))


def beside(axes: "Axes", text: str, place: Sequence[float], offset: tuple[float, float], **how: Any) -> None:
    """Writes a text at an offset, in points, from a place in the data."""
    axes.annotate(text, place, xytext=offset, textcoords="offset points", **how)
