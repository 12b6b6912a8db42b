"""Seconds as a person reads them."""


def duration(seconds: float) -> str:
    """Returns a duration in words.

    >>> [duration(seconds) for seconds in (0.4, 12, 75, 9000)]
    ['0.4 s', '12 s', '1.2 min', '2.5 h']
    """
    value, unit = seconds, "s"
    if seconds >= 3600:
        value, unit = seconds / 3600, "h"
    elif seconds >= 60:
        value, unit = seconds / 60, "min"
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
