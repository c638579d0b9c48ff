"""The picture of all ratios: a dot a case on a logarithmic axis, a line a subject, as SVG without further libraries."""

import math
import statistics
from html import escape

LEFT, WIDTH, TOP, LINE, BOTTOM = 330, 620, 30, 26, 40
LOWEST, HIGHEST = 0.5, 64
WIN, LOSS = "#1f77b4", "#d62728"


def x_of(ratio: float) -> float:
    """Return the place of a ratio; what lies outside stands at the edge."""
    inside = min(max(ratio, LOWEST), HIGHEST)
    return LEFT + WIDTH * math.log(inside / LOWEST) / math.log(HIGHEST / LOWEST)


def draw(subjects: dict[str, list[dict]]) -> str:
    """Return the SVG of {subject: rows of benchmarks}; a case's name shows under the mouse."""
    height = TOP + LINE * len(subjects) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 30} {height}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{LEFT + WIDTH + 30}" height="{height}" fill="white"/>',
    ]
    bottom = TOP + LINE * len(subjects)
    for power in range(-1, 7):
        x, dark = x_of(2.0**power), power == 0
        colour, width = ("#555", 1.5) if dark else ("#ddd", 1)
        parts.append(f'<path d="M{x:.1f} {TOP - 8}V{bottom}" stroke="{colour}" stroke-width="{width}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle" fill="#333">{2.0**power:g}×</text>')
    for i, (subject, rows) in enumerate(subjects.items()):
        y = TOP + LINE * i + LINE / 2
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end" fill="#111">{escape(subject)}</text>')
        for row in rows:
            median = statistics.median(row["ratios"])
            colour = WIN if median >= 1 else LOSS
            label = escape(f"{row['case']}: {median:.2f} times as fast as {row['peer']}")
            parts.append(
                f'<circle cx="{x_of(median):.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity="0.55">'
                f"<title>{label}</title></circle>"
            )
    note = "speed of seqnn, in multiples of the other program's (each dot is a case; red: slower)"
    parts.append(f'<text x="{LEFT + WIDTH / 2}" y="{height - 6}" text-anchor="middle" fill="#333">{note}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
