"""What the archive relies on in a file system: HDFS does it, and so does the double that the laws are tested with."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from batch_layer.storage.file_store import Store
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import NoDataError
from config.settings import Settings
from tests.support.hdfs_double import HdfsDouble


@pytest.fixture(params=["hdfs", "double"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "double":
        return HdfsDouble()
    stack: Settings = request.getfixturevalue("stack")
    return HdfsStore(stack.hdfs)


@pytest.fixture
def folder() -> str:
    return f"/contract/{uuid.uuid4().hex}"


def test_what_was_put_is_there_with_its_length(store: Store, folder: str) -> None:
    store.put(f"{folder}/a/b", b"bytes")
    store.put(f"{folder}/a/c", iter([b"in ", b"pieces"]))
    assert store.get(f"{folder}/a/b") == b"bytes"
    assert store.bytes_of(f"{folder}/a/c") == len(b"in pieces")
    with store.open(f"{folder}/a/c") as file:
        assert (file.read(3), file.read(), file.read()) == (b"in ", b"pieces", b"")


def test_a_second_put_replaces_the_first(store: Store, folder: str) -> None:
    store.put(f"{folder}/a", b"first")
    store.put(f"{folder}/a", b"second")
    assert store.get(f"{folder}/a") == b"second"


def test_what_is_not_there_is_told_as_nothing(store: Store, folder: str) -> None:
    assert store.get(f"{folder}/none") is None
    assert store.bytes_of(f"{folder}/none") is None
    assert store.entries(f"{folder}/none") == []
    store.delete(f"{folder}/none")
    with pytest.raises(NoDataError), store.open(f"{folder}/none") as file:
        file.read()


def test_a_rename_moves_a_file_and_says_so(store: Store, folder: str) -> None:
    store.make_folder(f"{folder}/to")
    store.put(f"{folder}/a", b"1")
    assert store.rename(f"{folder}/a", f"{folder}/to/b")
    assert store.get(f"{folder}/a") is None
    assert store.get(f"{folder}/to/b") == b"1"


def test_a_rename_onto_a_file_is_refused_and_changes_nothing(store: Store, folder: str) -> None:
    store.put(f"{folder}/a", b"late")
    store.put(f"{folder}/b", b"first")
    assert not store.rename(f"{folder}/a", f"{folder}/b")
    assert (store.get(f"{folder}/a"), store.get(f"{folder}/b")) == (b"late", b"first")


def test_a_rename_into_a_missing_folder_or_of_a_missing_file_is_refused(store: Store, folder: str) -> None:
    store.put(f"{folder}/a", b"1")
    assert not store.rename(f"{folder}/a", f"{folder}/none/a")
    assert not store.rename(f"{folder}/none", f"{folder}/b")


def test_of_many_renames_to_one_place_exactly_one_wins(store: Store, folder: str) -> None:
    for number in range(8):
        store.put(f"{folder}/{number}", str(number).encode())
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda n: store.rename(f"{folder}/{n}", f"{folder}/commit"), range(8)))
    assert sum(won) == 1
    assert store.get(f"{folder}/commit") == str(won.index(True)).encode()


def test_a_folder_is_listed_in_order_from_any_name_on(store: Store, folder: str) -> None:
    for name in ("10", "2", "1"):
        store.put(f"{folder}/{name}", name.encode())
    store.make_folder(f"{folder}/3")
    assert [(e.name, e.bytes, e.is_folder) for e in store.entries(folder)] == [
        ("1", 1, False),
        ("10", 2, False),
        ("2", 1, False),
        ("3", 0, True),
    ]
    assert [entry.name for entry in store.entries(folder, after="10")] == ["2", "3"]
    assert [entry.name for entry in store.entries(folder, after="11")] == ["2", "3"]


def test_a_folder_that_is_not_empty_is_deleted_only_if_everything_is_meant(store: Store, folder: str) -> None:
    store.put(f"{folder}/a/b", b"1")
    store.delete(f"{folder}/a")
    assert store.get(f"{folder}/a/b") == b"1"
    store.delete(f"{folder}/a", everything_below=True)
    assert store.entries(folder) == []


def test_names_that_a_url_would_change_are_kept(store: Store, folder: str) -> None:
    name = "dt=2013-04-15/posts+3+00000000000000000001.avro"
    store.put(f"{folder}/{name}", b"1")
    assert store.get(f"{folder}/{name}") == b"1"
    assert [entry.name for entry in store.entries(f"{folder}/dt=2013-04-15")] == ["posts+3+00000000000000000001.avro"]
