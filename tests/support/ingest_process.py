"""`trends ingest` as a process of its own, and what it wrote."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench.harness.stack_settings import environment
from config.settings import KafkaSettings
from tests.support.kafka import committed

TRENDS = str(Path(sys.executable).with_name("trends"))


def started(settings_file: Path, *typed: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [TRENDS, "ingest", *typed],
        env=environment(settings_file, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 60) -> tuple[int, str, str]:
    out, talk = process.communicate(timeout=seconds)
    return process.returncode, out, talk


def posts_in(kafka: KafkaSettings) -> Counter[str]:
    return Counter((message.key() or b"").decode() for message in committed(kafka.bootstrap, kafka.posts))
