"""The rule, on one core: hashtags of posts, and of texts that somebody wrote to make it slow."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.harness.subprocess_run import ROOT, clocked
from bench.harness.trial import AbsentError, Bench, Contender, RunOptions, Trial
from bench.inputs import hostile_texts, posts
from bench.peers import full_pattern
from ingest.rule.hashtags import in_text, in_text_full

NODE_PEER = ROOT / "bench" / "peers" / "twitter_text"
NPM_S, NODE_S = 300, 1_200
_WORDS = re.compile(r"#(\w+)")

Found = list[list[str]]


@contextmanager
def contenders(options: RunOptions) -> Iterator[list[Contender]]:
    """All of them over the same texts, judged by the full rule."""
    base = posts.sample(options.size) if options.sample else posts.recorded(options.data)
    texts = [post.text for post in posts.copies(base, options.size)]
    wanted = [in_text_full(text) for text in texts]
    node = _Node(options.state / "twitter_text", texts, wanted)
    yield [
        Contender("ours", "", partial(_python, in_text, texts, wanted)),
        Contender(
            "the full patterns, tags and links, on every text",
            "",
            partial(_python, full_pattern.in_text, texts, wanted),
        ),
        Contender("ours without its fast path", "", partial(_python, in_text_full, texts, wanted)),
        Contender("re, #(\\w+)", "", partial(_python, _WORDS.findall, texts, wanted), exact=False),
        Contender("twitter-text 3.1.0 in node", "", node.run, exact=False),
    ]


@contextmanager
def hostile(options: RunOptions) -> Iterator[list[Contender]]:
    """Over each hostile family, at so many characters a text. Twitter's own library does not end within minutes."""
    texts = [hostile_texts.text_of(piece, options.size) for piece in hostile_texts.FAMILIES]
    wanted = [in_text_full(text) for text in texts]
    yield [
        Contender("ours", "", partial(_slowest, in_text, texts, wanted)),
        Contender("re, #(\\w+)", "", partial(_slowest, _WORDS.findall, texts, wanted), exact=False),
    ]


def _slowest(rule: Callable[[str], list[str]], texts: Sequence[str], wanted: Found) -> Trial:
    """Texts a second, and how long the worst of them took."""
    ran = [clocked(rule, text) for text in texts]
    slowest = max(each.cpu_s for each in ran)
    wrong = wrong_in([each.result for each in ran], wanted)
    seconds, cpu_s = sum(each.seconds for each in ran), sum(each.cpu_s for each in ran)
    return Trial(seconds, len(texts), cpu_s, wrong, {"slowest text ms": slowest * 1_000})


def _python(rule: Callable[[str], list[str]], texts: Sequence[str], wanted: Found) -> Trial:
    def each() -> None:  # keeps no result: else the collector would look through all of them again and again
        for text in texts:
            rule(text)

    ran = clocked(each)
    return Trial(ran.seconds, len(texts), ran.cpu_s, wrong_in([rule(text) for text in texts], wanted))


def wrong_in(found: Found, wanted: Found) -> int:
    """How many texts have other tags than wanted."""
    return sum(one != other for one, other in zip(found, wanted, strict=True))


class _Node:
    """Twitter's own library. Its clock is in `measure.js`, around the loop alone."""

    def __init__(self, folder: Path, texts: Sequence[str], wanted: Found) -> None:
        self._folder, self._texts, self._wanted = folder, texts, wanted

    def run(self) -> Trial:
        """Install it where it is missing, and measure."""
        node = self._installed()
        given = self._folder / "texts.json"
        given.write_text(json.dumps(self._texts), encoding="utf-8")
        done = subprocess.run(
            [node, str(self._folder / "measure.js"), str(given)],
            capture_output=True, text=True, timeout=NODE_S, check=True,
        )  # fmt: skip
        told = json.loads(done.stdout)
        return Trial(told["seconds"], len(self._texts), told["cpu_s"], wrong_in(told["found"], self._wanted))

    def _installed(self) -> str:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            raise AbsentError("node and npm are not installed")
        shutil.copytree(NODE_PEER, self._folder, dirs_exist_ok=True)
        if not (self._folder / "node_modules").is_dir():
            command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, timeout=NPM_S, check=False)
            if done.returncode:
                raise AbsentError(f"npm could not install it: {done.stderr.strip().splitlines()[-1:]}")
        return node


BENCHES = (
    Bench("rule", "Which hashtags does a text have?", "posts/s", (60_000, 600_000), contenders),
    Bench("rule-hostile", "How long does the slowest text take?", "texts/s", (100_000,), hostile),
)
