"""Texts that somebody wrote to make the rule slow: forty families, each a piece to repeat to any length."""

FAMILIES = (
    "#", "＃", "#a", "#_", "#1", "#a#", " #a", "#日 ", "#é.", "#e\u0301", "a", "_", "日", "日本.", "日-日.",
    "日_日.co/",
    "bb.bb1.", "a.", "a-", "a_", "bb.bb1.:#b", "x.co/", "x.co/(", "x.co/((", "x.co/()", "a.co/(b.co/(", "x.co/#",
    "x.co/a,#b", "x.co/日#a", "x.co?q=", "x.co:80/", "http://", "http://a.b/", "http://日.", "http://t.co/a#b",
    "-http://a.b/#c", "xn--a.", "❤️#a", "&#1;", f"{'bb.bb1.' * 257}{':#b' * 80} ",
)  # fmt: skip


def text_of(piece: str, characters: int) -> str:
    """A piece over and over, up to a length, with a tag of another script at its end: the fast path can't read it."""
    return f"{piece * (characters // len(piece) + 1)}"[: characters - 2] + "#é"
