"""What was measured as Markdown."""


def table(measured):
    """Rows of all scenarios, the idle ones apart: they are about memory."""
    rows = [_row(title, row) for title, one in measured for row in one if "cpu_us" in row]
    mirrored = any(cells[-1] != "–" for cells in rows)
    columns = ["scenario", "proxy", "CPU µs per request", "user", "system", "Banyan ÷ it", "requests/s", "p50 ms", "p99 ms",
               "peak RSS MiB", "logged", "mirrored"]
    kept = len(columns) - (not mirrored)
    tables = [_lines(columns[:kept], [cells[:kept] for cells in rows])] if rows else []
    crowd = [_crowd(row) for _, one in measured for row in one if "clear_each" in row]
    if crowd:
        tables.append(_lines(["idle connections", "KB each", "KB each over TLS", "empty process MiB"], crowd, words=1))
    return "\n\n".join(tables)


def _row(title, row):
    share = lambda value, without: f"{value:.1%}" if value is not None else without
    return [
        title, f"{row['name']} {row['version']}", f"{row['cpu_us']:.1f}", f"{row['user_us']:.1f}", f"{row['system_us']:.1f}",
        f"{row['banyan_to_it']:.2f}" if row["banyan_to_it"] else "–", f"{row['per_second']:.0f}", f"{row['p50_ms']:.2f}",
        f"{row['p99_ms']:.2f}", f"{row['peak'] / 2**20:.1f}", share(row["logged"], "in memory"), share(row["mirrored"], "–"),
    ]


def _crowd(row):
    return [f"{row['name']} {row['version']}", f"{row['clear_each']:.1f}", f"{row['tls_each']:.1f}", f"{row['clear_empty'] / 1024:.1f}"]


def _lines(columns, rows, words=2):
    rule = ["---"] * words + ["---:"] * (len(columns) - words)
    lines = ["| " + " | ".join(columns) + " |", "|" + "|".join(rule) + "|"]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows])
