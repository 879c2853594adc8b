"""Figures as SVG, drawn here so that a report is one file that needs nothing from elsewhere."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH = 960
LEFT, RIGHT, BOTTOM, TOP = 110, 20, 28, 10
#: Told apart with every common colour blindness (Okabe and Ito).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#f0e442")
GREY = "#b8bec6"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A stretch of a row, in minutes; ``is_hatched`` for what came to nothing."""

    row: str
    start: float
    end: float
    colour: str
    title: str
    is_hatched: bool = False


@dataclass(frozen=True, kw_only=True)
class StepLine:
    """A step line: the value holds from its instant on."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A point with its name."""

    name: str
    x: float
    y: float
    colour: str


def gantt(bars: Sequence[Bar], *, end: float, label: str) -> str:
    """Return who did what when, a row for each."""
    rows = list(dict.fromkeys(bar.row for bar in bars))
    height = TOP + 22 * len(rows) + BOTTOM
    x = _scale(0, end, LEFT, WIDTH - RIGHT)
    parts = [_axis_x(0, end, x, height, "min")]
    for index, row in enumerate(rows):
        parts.append(_text(LEFT - 8, TOP + 22 * index + 15, row, anchor="end"))
    for bar in bars:
        y = TOP + 22 * rows.index(bar.row) + 3
        wide = max(0.8, x(bar.end) - x(bar.start))
        shape = f'x="{x(bar.start):.1f}" y="{y}" width="{wide:.1f}" height="16" rx="2"'
        parts.append(f'<rect {shape} fill="{bar.colour}"><title>{escape(bar.title)}</title></rect>')
        if bar.is_hatched:
            parts.append(f'<rect {shape} fill="url(#hatch)" pointer-events="none"/>')
    return _svg(height, label, parts)


def steps(lines: Sequence[StepLine], *, end: float, label: str) -> str:
    """Return step lines over time."""
    height = 200
    top = max((y for line in lines for _, y in line.points), default=1) or 1
    x, y = _scale(0, end, LEFT, WIDTH - RIGHT), _scale(0, top * 1.08, height - BOTTOM, TOP)
    parts = [_axis_x(0, end, x, height, "min"), _axis_y(0, top, y)]
    for line in lines:
        path: list[str] = []
        for at, value in line.points:
            path.append(f"H{x(at):.1f}V{y(value):.1f}" if path else f"M{x(at):.1f} {y(value):.1f}")
        path.append(f"H{x(end):.1f}")
        parts.append(f'<path d="{"".join(path)}" fill="none" stroke="{line.colour}" stroke-width="2"/>')
    return _svg(height, label, parts) + legend((line.name, line.colour) for line in lines)


def stacked(
    rows: Sequence[tuple[str, Sequence[float]]], parts_of: Sequence[tuple[str, str]], *, label: str
) -> str:
    """Return one bar of parts for each row; ``parts_of`` names the parts and their colours."""
    height = TOP + 24 * len(rows) + BOTTOM
    top = max((sum(values) for _, values in rows), default=0) or 1
    x = _scale(0, top, 170, WIDTH - 80)
    drawn = [_axis_x(0, top, x, height, "$")]
    for index, (name, values) in enumerate(rows):
        y, at = TOP + 24 * index, 0.0
        drawn.append(_text(162, y + 16, name, anchor="end"))
        for value, (part, colour) in zip(values, parts_of, strict=True):
            if value > 0:
                shape = f'x="{x(at):.1f}" y="{y + 3}" width="{x(at + value) - x(at):.1f}" height="18"'
                drawn.append(
                    f'<rect {shape} fill="{colour}"><title>{escape(part)} ${value:.3f}</title></rect>'
                )
            at += value
        drawn.append(_text(x(at) + 6, y + 16, f"${at:.2f}"))
    return _svg(height, label, drawn) + legend(parts_of)


def plane(
    dots: Sequence[Dot], frontier: Sequence[tuple[float, float]], *, label: str, x_title: str, y_title: str
) -> str:
    """Return points in a plane of time and cost, with the lower bound as a line below them."""
    height = 360
    xs = [dot.x for dot in dots] + [x for x, _ in frontier] or [1.0]
    ys = [dot.y for dot in dots] + [y for _, y in frontier] or [1.0]
    x = _scale(0, max(xs) * 1.12 or 1, LEFT, WIDTH - RIGHT)
    y = _scale(0, max(ys) * 1.12 or 1, height - BOTTOM - 14, TOP)
    parts = [_axis_x(0, max(xs) * 1.1, x, height - 14, x_title), _axis_y(0, max(ys) * 1.1 or 1, y)]
    parts.append(_text(LEFT, TOP + 4, y_title))
    if frontier:
        path = f"M{x(frontier[0][0]):.1f} {y(frontier[0][1]):.1f}"
        path += "".join(f"H{x(a):.1f}V{y(b):.1f}" for a, b in frontier[1:])
        parts.append(f'<path class="bound" d="{path}" fill="none" stroke="#444" stroke-dasharray="5 4"/>')
    taken: list[tuple[float, float]] = []
    for dot in sorted(dots, key=lambda dot: (dot.y, dot.x)):
        parts.append(
            f'<circle cx="{x(dot.x):.1f}" cy="{y(dot.y):.1f}" r="5" fill="{dot.colour}">'
            f"<title>{escape(dot.name)}: {dot.x:.1f} min, ${dot.y:.3f}</title></circle>"
        )
        at = y(dot.y) + 4
        while any(abs(at - other) < 12 and abs(x(dot.x) - there) < 130 for there, other in taken):
            at -= 12
        taken.append((x(dot.x), at))
        parts.append(_text(x(dot.x) + 9, at, dot.name))
    return _svg(height, label, parts)


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """Return names beside their colours."""
    keys = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in entries
    )
    return f'<p class="legend">{keys}</p>'


def ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Return round numbers from ``low`` to ``high``.

    >>> ticks(0, 57), ticks(0, 0.4, 4)
    ([0, 10, 20, 30, 40, 50], [0.0, 0.1, 0.2, 0.3, 0.4])
    """
    span = max(high - low, 1e-9)
    raw = span / most
    scale = 10.0 ** floor(log10(raw))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= raw)
    if step >= 1:
        whole = round(step)
        return [n * whole for n in range(ceil(low / step), int(high / step) + 1)]
    return [round(n * step, 6) for n in range(ceil(low / step), int(high / step + 1e-6) + 1)]


def _scale(low: float, high: float, out_low: float, out_high: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: out_low + (value - low) / span * (out_high - out_low)


def _axis_x(low: float, high: float, x: Callable[[float], float], height: float, unit: str) -> str:
    base = height - BOTTOM
    parts = [f'<path d="M{x(low):.1f} {base}H{x(high):.1f}" stroke="{GREY}"/>']
    for tick in ticks(low, high):
        parts.append(f'<path d="M{x(tick):.1f} {TOP}V{base}" stroke="{GREY}" stroke-opacity=".35"/>')
        parts.append(_text(x(tick), base + 15, f"{tick:g}", anchor="middle"))
    parts.append(_text(WIDTH - 4, base + 15, unit, anchor="end"))
    return "".join(parts)


def _axis_y(low: float, high: float, y: Callable[[float], float]) -> str:
    parts = []
    for tick in ticks(low, high, most=5):
        parts.append(
            f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="{GREY}" stroke-opacity=".35"/>'
        )
        parts.append(_text(LEFT - 8, y(tick) + 4, f"{tick:g}", anchor="end"))
    return "".join(parts)


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(height: float, label: str, parts: Iterable[str]) -> str:
    return (
        f'<svg class="figure" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
