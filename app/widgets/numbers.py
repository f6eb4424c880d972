"""How figures are written everywhere in the window."""

from __future__ import annotations

from app.language import tr


def seconds(value: float) -> str:
    """A duration: ``38 ms``, ``1.24 s``, ``2 min 05 s``."""
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 119.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return tr("{minutes} min {rest:02d} s").format(minutes=minutes, rest=rest)


def amount(done: int, total: int | None, unit: str) -> str:
    """How far something is: ``34 of 78 MB``, ``3 of 12``."""
    if unit == "bytes":
        mega = 1_000_000
        return (
            f"{done / mega:.0f} MB"
            if total is None
            else tr("{done:.0f} of {total:.0f} MB").format(done=done / mega, total=total / mega)
        )
    return f"{done}" if total is None else tr("{done} of {total}").format(done=done, total=total)


def share(value: float) -> str:
    """A rate as a percentage: ``8.3 %``."""
    return f"{100 * value:.1f} %"


def clock(value: float) -> str:
    """A place in the speech: ``1:04.2``."""
    minutes, rest = divmod(value, 60)
    return f"{int(minutes)}:{rest:04.1f}"


def nats(value: float) -> str:
    """A log-probability, with a true minus sign."""
    return f"{value:.1f}".replace("-", "−")


def operations(flops: float) -> str:
    """Floating-point operations: ``87.5 GFLOP``."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if flops >= size:
            return f"{flops / size:.3g} {unit}FLOP"
    return f"{flops:.0f} FLOP"
