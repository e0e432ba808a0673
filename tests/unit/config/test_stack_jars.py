"""Jar sets: what is in the cache is what is listed, and a broken download is never taken for it."""

import dataclasses
import functools
import io
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import TrendsError, UnavailableError
from config.settings import StackSettings
from config.stack.jars import jar_cache, java, kafka_source, lists, openssl, postgres_build
from config.stack.jars.downloads import Jar
from config.stack.jars.ivy import Artifact, Ivy
from config.stack.jars.jar_cache import JarSet, fetch
from config.stack.paths import FILES, StackPaths

ALL = lists.SETS
TEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
"""The digest of `test`."""


class Repository:
    """A Maven repository on loopback, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.place = folder / "g" / "one" / "1" / "one-1.jar"
        self.place.parent.mkdir(parents=True)
        self.place.write_bytes(b"test")
        repository = self

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                repository.asked.append(self.path)

        handler = functools.partial(Handler, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    found = Repository(tmp_path / "repository")
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def paths(tmp_path: Path, repository: Repository) -> StackPaths:
    return StackPaths(tmp_path / "state", tmp_path / "cache", repository.url)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> JarSet:
    """A set of one jar of four bytes."""
    monkeypatch.setattr(JarSet, "listed", lambda self: [Jar(TEST, 4, "lib/one-1.jar", "g/one/1")])
    return JarSet("small", "1", (("lib", (Artifact("g", "one", "1"),)),))


def left(paths: StackPaths) -> list[str]:
    """What lies in the cache of jars, but for the lock of downloads."""
    return [path.name for path in (paths.cache / "jars").rglob("*") if path.is_file() and path.name != "lock"]


@pytest.mark.parametrize("jar_set", ALL, ids=lambda each: each.server)
def test_every_listed_jar_has_a_digest_a_size_and_a_folder_of_its_set(jar_set: JarSet) -> None:
    folders = {name for name, _ in jar_set.folders}
    assert jar_set.listed()
    for jar in jar_set.listed():
        assert len(jar.sha256) == 64
        assert jar.size > 0
        assert jar.path.split("/")[0] in folders


def test_a_set_is_downloaded_once(repository: Repository, paths: StackPaths, small: JarSet) -> None:
    first = fetch(small, paths, lambda _: None)
    assert fetch(small, paths, lambda _: None) == first
    assert repository.asked == ["/g/one/1/one-1.jar"]
    assert small.classpath(paths) == [str(first / "lib" / "one-1.jar")]
    assert left(paths) == ["one-1.jar"]


def test_a_jar_that_is_not_what_is_listed_leaves_nothing_in_the_cache(
    repository: Repository, paths: StackPaths, small: JarSet
) -> None:
    repository.place.write_bytes(b"evil")
    with pytest.raises(TrendsError, match="another SHA-256"):
        fetch(small, paths, lambda _: None)
    assert left(paths) == []


def test_a_repository_that_sends_more_than_the_list_says_does_not_fill_the_disk(
    repository: Repository, paths: StackPaths, small: JarSet
) -> None:
    repository.place.write_bytes(bytes(64 << 20))
    told: list[str] = []
    with pytest.raises(TrendsError, match="another SHA-256"):
        fetch(small, paths, told.append)
    assert "fetching jars, 1 of 0 MB" not in told
    assert left(paths) == []


def test_a_connection_that_ends_early_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, repository: Repository, paths: StackPaths, small: JarSet
) -> None:
    whole = SimpleHTTPRequestHandler.copyfile

    def cut(handler: SimpleHTTPRequestHandler, source: io.BytesIO, target: io.BytesIO) -> None:
        if len(repository.asked) > 1:
            whole(handler, source, target)
        else:
            target.write(b"te")

    monkeypatch.setattr(SimpleHTTPRequestHandler, "copyfile", cut)
    fetch(small, paths, lambda _: None)
    assert len(repository.asked) == 2
    monkeypatch.setattr(SimpleHTTPRequestHandler, "copyfile", lambda *_: None)
    with pytest.raises(UnavailableError, match="ended 4 bytes before the file"):
        fetch(small, dataclasses.replace(paths, cache=paths.cache / "other"), lambda _: None)


def test_every_user_of_a_cache_may_read_its_jars(paths: StackPaths, small: JarSet) -> None:
    jar = fetch(small, paths, lambda _: None) / "lib" / "one-1.jar"
    assert jar.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("damage", ["shorter", "missing", "more"])
def test_a_damaged_set_in_the_cache_is_downloaded_again(
    repository: Repository, paths: StackPaths, small: JarSet, damage: str
) -> None:
    jar = fetch(small, paths, lambda _: None) / "lib" / "one-1.jar"
    match damage:
        case "shorter":
            jar.write_bytes(b"te")
        case "missing":
            jar.unlink()
        case _:
            jar.with_name("two-1.jar").write_bytes(b"test")
    fetch(small, paths, lambda _: None)
    assert len(repository.asked) == 2
    assert not list(small.wrong(jar.parent.parent, thorough=True))


def test_a_stored_set_holds_the_same_entries_without_compression(
    monkeypatch: pytest.MonkeyPatch, repository: Repository, paths: StackPaths
) -> None:
    source = repository.place
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", "many, many, many words" * 100)
    listed = [Jar(jar_cache.sha256_of(source), source.stat().st_size, "lib/one-1.jar", "g/one/1")]
    monkeypatch.setattr(JarSet, "listed", lambda self: listed)
    stored = JarSet("small", "1", (("lib", (Artifact("g", "one", "1"),)),), stored=True)
    fetch(stored, paths, lambda _: None)
    (copy,) = stored.classpath(paths)
    with zipfile.ZipFile(copy) as archive, zipfile.ZipFile(source) as before:
        assert archive.namelist() == before.namelist()
        assert archive.read("a/b.txt") == before.read("a/b.txt")
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def test_a_repository_that_lacks_a_jar_or_does_not_answer_is_told_with_the_address(
    repository: Repository, paths: StackPaths, small: JarSet
) -> None:
    repository.place.unlink()
    with pytest.raises(
        UnavailableError, match=r"one-1\.jar: .*/g/one/1/one-1\.jar: File not found.*stack\.jars_mirror"
    ):
        fetch(small, paths, lambda _: None)
    away = dataclasses.replace(paths, jars_mirror="http://127.0.0.1:1/")
    with pytest.raises(UnavailableError, match="refused"):
        fetch(small, away, lambda _: None)
    assert left(paths) == []


def test_two_at_once_download_a_set_once(repository: Repository, paths: StackPaths, small: JarSet) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = {task.result() for task in [pool.submit(fetch, small, paths, lambda _: None) for _ in range(4)]}
    assert found == {paths.jars("small", "1")}
    assert len(repository.asked) == 1


def test_what_was_downloaded_before_the_packages_were_there_is_not_downloaded_again(
    repository: Repository, paths: StackPaths, tmp_path: Path
) -> None:
    """As `make` does it: by Python without one package, and by the lists of a checkout."""
    config, needed = tmp_path / "config", ("__init__", "errors", "redaction", "quantity", "stack/__init__")
    for name in (*needed, "stack/jars/__init__", "stack/jars/downloads"):
        (config / name).parent.mkdir(parents=True, exist_ok=True)
        (config / f"{name}.py").write_bytes((FILES / f"{name}.py").read_bytes())
    (config / "small").mkdir()
    (config / "small" / "jars.txt").write_text(Jar(TEST, 4, "lib/one-1.jar", "g/one/1").line())
    where = {"TRENDS_STACK__CACHE": str(paths.cache), "TRENDS_STACK__JARS_MIRROR": repository.url}
    command = [sys.executable, "-S", "-m", "config.stack.jars.downloads", "small"]
    subprocess.run(command, cwd=tmp_path, env=where, check=True, timeout=60)
    assert left(paths) == [TEST]
    jar_set = JarSet("small", "1", (("lib", (Artifact("g", "one", "1"),)),))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jar_cache, "FILES", config)
        fetch(jar_set, paths, lambda _: None)
    subprocess.run(command, cwd=tmp_path, env=where, check=True, timeout=60)
    assert len(repository.asked) == 1
    assert left(paths) == ["one-1.jar"]


def bundling(paths: StackPaths, *names: str) -> None:
    """The jar of the set, with these libraries in it."""
    (jar,) = postgres_build.JARS.classpath(paths)
    Path(jar).parent.mkdir(parents=True, exist_ok=True)
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:xz") as archive:
        for name in names:
            entry = tarfile.TarInfo(f"lib/{name}")
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
    with zipfile.ZipFile(jar, "w") as outer:
        outer.writestr(postgres_build.ARCHIVE, inner.getvalue())


def test_the_libraries_of_mongod_are_unpacked_whole_and_again_where_one_is_missing(paths: StackPaths) -> None:
    bundling(paths, *openssl.LIBRARIES, "libxml2.so.2")
    folder = openssl.unpack(paths)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {name: name for name in openssl.LIBRARIES}
    (folder / openssl.LIBRARIES[0]).unlink()
    assert openssl.unpack(paths) == folder
    assert sorted(file.name for file in folder.iterdir()) == sorted(openssl.LIBRARIES)


def test_a_jar_without_the_libraries_of_mongod_is_told_and_leaves_nothing(paths: StackPaths) -> None:
    bundling(paths, openssl.LIBRARIES[0])
    with pytest.raises(TrendsError, match=r"can't unpack OpenSSL 1\.1"):
        openssl.unpack(paths)
    assert not openssl.folder(paths).exists()


def test_every_list_of_the_project_has_a_set() -> None:
    there = {path.relative_to(FILES) for path in FILES.glob("*/*jars.txt")}
    assert there == {jar_set.list_file for jar_set in ALL}
    assert len(kafka_source.JARS.listed()) == 4


def test_a_written_list_names_what_was_resolved_in_order_of_folder_and_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def resolve(_: Ivy, artifacts: tuple[Artifact, ...], target: Path) -> None:
        for artifact in artifacts:
            place = target / artifact.group / artifact.name / artifact.version
            place.mkdir(parents=True)
            (place / f"{artifact.name}-{artifact.version}.jar").write_bytes(b"test")

    monkeypatch.setattr(Ivy, "resolve", resolve)
    one, two = Artifact("g", "one", "1"), Artifact("g", "Two", "1")
    jar_set = JarSet("small", "1", (("lib", (one, two)), ("lib-worker", (one,))))
    (tmp_path / "small").mkdir()
    ivy = Ivy(Path("java"), tmp_path)
    assert lists.write_list(jar_set, ivy, tmp_path / "set", tmp_path) == 3
    names = ["lib/Two-1.jar", "lib/one-1.jar", "lib-worker/one-1.jar"]
    origins = ["g/Two/1", "g/one/1", "g/one/1"]
    lines = [f"{TEST} 4 {name} {origin}\n" for name, origin in zip(names, origins, strict=True)]
    assert (tmp_path / "small" / "jars.txt").read_text() == "".join(lines)
    monkeypatch.setattr(jar_cache, "FILES", tmp_path)
    assert [jar.path for jar in jar_set.listed()] == names
    assert next(jar.address for jar in jar_set.listed()) == "g/Two/1/Two-1.jar"


def test_a_registry_that_does_not_answer_leaves_the_list_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def resolve(_: Ivy, artifacts: object, target: Path) -> None:
        raise UnavailableError("unreachable")

    monkeypatch.setattr(Ivy, "resolve", resolve)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "jars.txt").write_text("as it was")
    jar_set = JarSet("small", "1", (("lib", (Artifact("g", "one", "1"),)),))
    with pytest.raises(UnavailableError):
        lists.write_list(jar_set, Ivy(Path("java"), tmp_path), tmp_path / "set", tmp_path)
    assert (tmp_path / "small" / "jars.txt").read_text() == "as it was"


def test_ivy_asks_a_mirror_in_place_of_maven_central(tmp_path: Path) -> None:
    place = tmp_path / "repository" / "g" / "one" / "1"
    place.mkdir(parents=True)
    (place / "one-1.pom").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>one</artifactId>"
        "<version>1</version></project>"
    )
    with zipfile.ZipFile(place / "one-1.jar", "w") as jar:
        jar.writestr("a", "b")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "repository"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        ivy = Ivy(java.find(), scratch, f"http://127.0.0.1:{server.server_port}/")
        ivy.resolve([Artifact("g", "one", "1")], tmp_path / "lib")
        server.shutdown()
    assert (tmp_path / "lib" / "g" / "one" / "1" / "one-1.jar").read_bytes() == (place / "one-1.jar").read_bytes()


@pytest.mark.parametrize("address", ["ftp://mirror/", "https://user:word@mirror/", "mirror"])
def test_an_address_of_a_mirror_holds_no_login(address: str) -> None:
    with pytest.raises(ValidationError):
        StackSettings(jars_mirror=address)
