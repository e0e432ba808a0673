"""Jar sets: what is in the cache is what is listed, and a broken download is never taken for it."""

import dataclasses
import functools
import io
import tarfile
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import TrendsError, UnavailableError
from config.settings import StackSettings
from config.stack.jars import jar_cache, java, kafka_source, lists, openssl, postgres_build
from config.stack.jars.ivy import Artifact, Ivy
from config.stack.jars.jar_cache import Jar, JarSet, fetch
from config.stack.paths import FILES, StackPaths
from config.stack.servers import kafka

ALL = lists.SETS


@pytest.fixture
def paths(tmp_path: Path) -> StackPaths:
    return StackPaths(tmp_path / "state", tmp_path / "cache")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> JarSet:
    """A set of one jar of four bytes."""
    listed = [Jar("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 4, "lib/one-1.jar")]
    monkeypatch.setattr(JarSet, "listed", lambda self: listed)
    return JarSet("small", "1", (("lib", (Artifact("g", "one", "1"),)),))


def resolving(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[Path]:
    """Ivy's place is taken by a copy: what is tested here is what happens around it."""
    asked: list[Path] = []

    def resolve(_: Ivy, artifacts: object, target: Path) -> None:
        asked.append(target)
        target.mkdir(parents=True)
        (target / "one-1.jar").write_bytes(content)

    monkeypatch.setattr(Ivy, "resolve", resolve)
    return asked


@pytest.mark.parametrize("jar_set", ALL, ids=lambda each: each.server)
def test_every_listed_jar_has_a_digest_a_size_and_a_folder_of_its_set(jar_set: JarSet) -> None:
    folders = {name for name, _ in jar_set.folders}
    assert jar_set.listed()
    for jar in jar_set.listed():
        assert len(jar.sha256) == 64
        assert jar.size > 0
        assert jar.path.split("/")[0] in folders


def test_a_set_is_resolved_once(monkeypatch: pytest.MonkeyPatch, paths: StackPaths, small: JarSet) -> None:
    asked = resolving(monkeypatch, b"test")
    first = fetch(small, paths, Path("java"), lambda _: None)
    assert fetch(small, paths, Path("java"), lambda _: None) == first
    assert len(asked) == 1
    assert small.classpath(paths) == [str(first / "lib" / "one-1.jar")]


def test_a_jar_that_is_not_what_is_listed_leaves_nothing_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, paths: StackPaths, small: JarSet
) -> None:
    resolving(monkeypatch, b"evil")
    with pytest.raises(TrendsError, match="another SHA-256"):
        fetch(small, paths, Path("java"), lambda _: None)
    assert list((paths.cache / "jars").iterdir()) == []


@pytest.mark.parametrize("damage", ["shorter", "missing", "more"])
def test_a_damaged_set_in_the_cache_is_resolved_again(
    monkeypatch: pytest.MonkeyPatch, paths: StackPaths, small: JarSet, damage: str
) -> None:
    asked = resolving(monkeypatch, b"test")
    jar = fetch(small, paths, Path("java"), lambda _: None) / "lib" / "one-1.jar"
    match damage:
        case "shorter":
            jar.write_bytes(b"te")
        case "missing":
            jar.unlink()
        case _:
            jar.with_name("two-1.jar").write_bytes(b"test")
    fetch(small, paths, Path("java"), lambda _: None)
    assert len(asked) == 2
    assert not list(small.wrong(jar.parent.parent, thorough=True))


def test_a_stored_set_holds_the_same_entries_without_compression(
    monkeypatch: pytest.MonkeyPatch, paths: StackPaths, tmp_path: Path
) -> None:
    source = tmp_path / "source.jar"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", "many, many, many words" * 100)
    listed = [Jar(jar_cache.sha256_of(source), source.stat().st_size, "lib/one-1.jar")]
    monkeypatch.setattr(JarSet, "listed", lambda self: listed)
    resolving(monkeypatch, source.read_bytes())
    stored = JarSet("small", "1", (("lib", (Artifact("g", "one", "1"),)),), stored=True)
    fetch(stored, paths, Path("java"), lambda _: None)
    (copy,) = stored.classpath(paths)
    with zipfile.ZipFile(copy) as archive, zipfile.ZipFile(source) as before:
        assert archive.namelist() == before.namelist()
        assert archive.read("a/b.txt") == before.read("a/b.txt")
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def test_a_resolver_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    program = tmp_path / "java"
    program.write_text("#!/bin/sh\necho 'UNRESOLVED DEPENDENCY: g#one;1'\nexit 1\n")
    program.chmod(0o700)
    paths = StackPaths(tmp_path, tmp_path)
    with pytest.raises(UnavailableError, match="UNRESOLVED DEPENDENCY"):
        fetch(dataclasses.replace(kafka.JARS, server="kafka"), paths, program, lambda _: None)
    assert list((tmp_path / "jars").iterdir()) == []


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
        target.mkdir(parents=True)
        for artifact in artifacts:
            (target / f"{artifact.name}-{artifact.version}.jar").write_bytes(b"test")

    monkeypatch.setattr(Ivy, "resolve", resolve)
    one, two = Artifact("g", "one", "1"), Artifact("g", "Two", "1")
    jar_set = JarSet("small", "1", (("lib", (one, two)), ("lib-worker", (one,))))
    (tmp_path / "small").mkdir()
    ivy = Ivy(Path("java"), tmp_path, lambda _: None)
    assert lists.write_list(jar_set, ivy, tmp_path / "set", tmp_path) == 3
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    names = ["lib/Two-1.jar", "lib/one-1.jar", "lib-worker/one-1.jar"]
    assert (tmp_path / "small" / "jars.txt").read_text() == "".join(f"{digest} 4 {name}\n" for name in names)
    monkeypatch.setattr(jar_cache, "FILES", tmp_path)
    assert [jar.path for jar in jar_set.listed()] == names
    assert list(jar_set.wrong(tmp_path / "set", thorough=True)) == []


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
        lists.write_list(jar_set, Ivy(Path("java"), tmp_path, lambda _: None), tmp_path / "set", tmp_path)
    assert (tmp_path / "small" / "jars.txt").read_text() == "as it was"


def test_a_mirror_serves_the_jars_in_place_of_maven_central(tmp_path: Path) -> None:
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
        ivy = Ivy(java.find(), scratch, lambda _: None, f"http://127.0.0.1:{server.server_port}/")
        ivy.resolve([Artifact("g", "one", "1")], tmp_path / "lib")
        server.shutdown()
    assert (tmp_path / "lib" / "one-1.jar").read_bytes() == (place / "one-1.jar").read_bytes()


@pytest.mark.parametrize("address", ["ftp://mirror/", "https://user:word@mirror/", "mirror"])
def test_an_address_of_a_mirror_holds_no_login(address: str) -> None:
    with pytest.raises(ValidationError):
        StackSettings(jars_mirror=address)
