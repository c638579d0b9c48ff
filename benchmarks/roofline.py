"""The picture of a machine's roof and the kernels under it, as SVG without further libraries.

To the right stand operations a byte, upwards operations a second, both on logarithmic axes. The roof rises with the bandwidth
of the memory, and is flat at the peak of multiply-adds. A kernel that touches its roof cannot be faster.
"""

import math
import statistics
from html import escape

from benchmarks.run import share

LEFT, WIDTH, TOP, HEIGHT, BOTTOM = 70, 760, 34, 420, 54
LEGEND = TOP + 160  # below the roof, where kernels of many operations a byte would be far from it
LOWEST, HIGHEST = 2.0**-4, 2.0**10  # operations a byte
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22")


def draw_roofline(contents: dict[str, dict]) -> str:
    """Return the SVG of the rows of result files that know what the machine can do; a case's name shows under the mouse.

    Args:
        contents: files of one CPU by the name of the benchmark, each with "machine" and "rows".
    """
    machines = {one["threads"]: one for content in contents.values() for one in content["machine"]}
    threads = max(machines)
    top = 1.6 * max(one["peak"] for one in machines.values())
    low = top / 2.0**13

    def x_of(intensity: float) -> float:
        inside = min(max(intensity, LOWEST), HIGHEST)
        return LEFT + WIDTH * math.log(inside / LOWEST) / math.log(HIGHEST / LOWEST)

    def y_of(rate: float) -> float:
        return TOP + HEIGHT * (1 - math.log(min(max(rate, low), top) / low) / math.log(top / low))

    size = f"0 0 {LEFT + WIDTH + 30} {TOP + HEIGHT + BOTTOM}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" font-family="sans-serif" font-size="13">',
        f'<rect width="{LEFT + WIDTH + 30}" height="{TOP + HEIGHT + BOTTOM}" fill="white"/>',
    ]
    for power in range(-4, 11, 2):
        x = x_of(2.0**power)
        parts.append(f'<path d="M{x:.1f} {TOP}V{TOP + HEIGHT}" stroke="#eee"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle" fill="#333">{2.0**power:g}</text>'
        )
    for power in range(-1, 5):
        if low < 10.0**power * 1e9 < top:
            y = y_of(10.0**power * 1e9)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{LEFT + WIDTH}" stroke="#eee"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#333">{10.0**power:g}</text>')
    for count, one in sorted(machines.items()):
        for level, bandwidth in one["read"].items():
            ends = [(x, min(one["peak"], x * bandwidth)) for x in (LOWEST, one["peak"] / bandwidth, HIGHEST)]
            path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in ends)
            dash = "" if level == "memory" else ' stroke-dasharray="4 4"'
            parts.append(f'<polyline points="{path}" fill="none" stroke="#555" stroke-width="1.2"{dash}/>')
        label = f"{count} thread{'s' if count > 1 else ''}: {one['peak'] / 1e9:.0f} GFLOP/s"
        parts.append(
            f'<text x="{LEFT + WIDTH}" y="{y_of(one["peak"]) - 5:.1f}" text-anchor="end" fill="#333">{label}</text>'
        )
    subjects = {
        name: rows
        for name, content in contents.items()
        if (rows := [row for row in content["rows"] if row.get("limit") and row["operations"] and row["moved"]])
    }
    for i, (subject, rows) in enumerate(subjects.items()):
        colour = COLOURS[i % len(COLOURS)]
        for row in {(row["case"], row["threads"]): row for row in rows}.values():
            rate = row["operations"] / statistics.median(row["ours"])
            told = escape(
                f"{row['case']}, {row['threads']} threads: {rate / 1e9:.1f} GFLOP/s, {share(row):.0%} of the limit"
            )
            fill = colour if row["threads"] == threads else "white"
            parts.append(
                f'<circle cx="{x_of(row["operations"] / row["moved"]):.1f}" cy="{y_of(rate):.1f}" r="4" fill="{fill}" '
                f'fill-opacity="0.6" stroke="{colour}"><title>{told}</title></circle>'
            )
        parts.append(f'<circle cx="{LEFT + WIDTH - 150}" cy="{LEGEND + 18 * i}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + WIDTH - 140}" y="{LEGEND + 4 + 18 * i}" fill="#333">{escape(subject)}</text>')
    what = next(iter(contents.values()))
    note = f"operations a byte ({what['cpu']}, kernels {what['isa']}; full lines: memory, dashed: L2 and L3)"
    parts.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 42}" text-anchor="middle" fill="#333">{escape(note)}</text>'
    )
    parts.append(f'<text x="{LEFT}" y="{TOP - 12}" fill="#333">GFLOP/s</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
