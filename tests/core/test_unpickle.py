"""Restricted unpickling: numbers come back as numpy and joblib wrote them, and nothing a pickle names is ever run."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import pickle
import tracemalloc
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from core import containers
from core.errors import WeightsError
from core.pickled_values import Inert
from core.unpickle import read_object_array, read_pickle

CONTENT: dict[str, Any] = {
    "float": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "swapped": np.arange(3, dtype=">i2"),
    "bool": np.array([True, False]),
    "text": np.array(["V1", "hV4"]),
    "objects": np.array(["a", None, 3], dtype=object),
    "empty": np.zeros((0, 4)),
    "scalar": np.float64(0.25),
    "complex": 1 + 2j,
    "date": np.array(["2020-01-02"], dtype="datetime64[D]"),
    "table": np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    "plain": {"set": {1, 2}, "frozen": frozenset((3,)), "bytes": b"\x00\xff", "tuple": (1, "x", None)},
    "ordered": OrderedDict([("first", 1), ("second", [2])]),
    "array of bytes": bytearray(b"abc"),
    "type": np.dtype("<f4"),
}


def assert_same(found: Any, wanted: Any) -> None:
    assert type(found) is type(wanted)
    if isinstance(wanted, np.ndarray):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        assert found.tolist() == wanted.tolist()
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            assert_same(found[key], value)
    else:
        assert found == wanted


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_comes_back_as_it_was(protocol: int) -> None:
    content = pickle.dumps(CONTENT, protocol)
    assert_same(read_pickle(content), pickle.loads(content))  # noqa: S301 - our own


def test_an_array_pickled_twice_stays_one_array() -> None:
    array = np.arange(3)
    first, second = read_pickle(pickle.dumps([array, array], 4))
    assert first is second


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_compressed_pickles_are_read(pack: Any) -> None:
    content = pickle.dumps(CONTENT, 4)
    assert_same(read_pickle(pack(content)), pickle.loads(content))  # noqa: S301 - our own


@pytest.mark.parametrize("compress", [0, 3, ("bz2", 3), ("gzip", 3), ("xz", 3)])
def test_joblib_files_are_read(tmp_path: Path, compress: Any) -> None:
    path = tmp_path / "content.pkl"
    wanted = {"a": np.arange(12.0).reshape(3, 4), "b": np.asfortranarray(np.ones((2, 5), np.float32)), "c": "text"}
    joblib.dump(wanted, path, compress=compress)
    assert_same(read_pickle(path), wanted)


@pytest.mark.parametrize("dump", [joblib.dump, lambda thing, path: path.write_bytes(pickle.dumps(thing))])
def test_an_allowed_estimator_becomes_a_table_of_its_arrays(tmp_path: Path, dump: Any) -> None:
    generator = np.random.default_rng(0)
    ridge = Ridge(alpha=2.0).fit(generator.standard_normal((20, 4)), generator.standard_normal((20, 3)))
    path = tmp_path / "ridge.pkl"
    dump(ridge, path)
    found = read_pickle(path, allowed=("sklearn.*",))
    assert isinstance(found, Inert)
    assert found.short_name == "Ridge"
    assert found.state["coef_"].tolist() == ridge.coef_.tolist()
    assert found.state["alpha"] == 2.0


def test_an_estimator_nobody_asked_for_is_refused() -> None:
    content = pickle.dumps(PCA(2))
    with pytest.raises(WeightsError, match=r"asks to run 'sklearn\.decomposition\._pca\.PCA' and was not opened"):
        read_pickle(content, allowed=("sklearn.linear_model.*",))


def test_an_object_array_gives_the_dictionary_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "weights.npy"
    np.save(path, {"coef_": np.arange(4.0)}, allow_pickle=True)  # type: ignore[arg-type]
    assert read_object_array(path)["coef_"].tolist() == [0, 1, 2, 3]


def test_a_plain_array_file_is_read_without_any_pickle(tmp_path: Path) -> None:
    path = tmp_path / "plain.npy"
    np.save(path, np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    assert read_object_array(path).tolist() == [[0, 1, 2], [3, 4, 5]]


class Calls:
    """Pickles as a call."""

    def __init__(self, what: Any, *args: Any) -> None:
        self._call = (what, args)

    def __reduce__(self) -> Any:
        return self._call


def os_system(flag: Path) -> bytes:
    return pickle.dumps(Calls(os.system, f"touch {flag}"))


def builtins_eval(flag: Path) -> bytes:
    return pickle.dumps(Calls(eval, f"open({str(flag)!r}, 'w')"))


def eval_via_getattr(flag: Path) -> bytes:
    import builtins

    return pickle.dumps(Calls(getattr, builtins.__dict__["__loader__"], "load_module"), 2) + str(flag).encode()


def getattr_of_a_module(flag: Path) -> bytes:
    """getattr(__import__('os'), 'system')(...), by hand in protocol 0."""
    return (
        b"c__builtin__\ngetattr\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\ntR(S'touch "
        + str(flag).encode()
        + b"'\ntR."
    )


def numpy_loader(flag: Path) -> bytes:
    """numpy.lib.npyio.load(path, allow_pickle=True): a second, unguarded pickle behind a numpy name."""
    second = flag.with_suffix(".npy")
    np.save(second, np.array([Calls(os.system, f"touch {flag}")], dtype=object), allow_pickle=True)
    return f"cnumpy.lib.npyio\nload\n(S'{second}'\nNI01\ntR.".encode()


def numpy_runstring(flag: Path) -> bytes:
    return f'cnumpy.testing._private.utils\nrunstring\n(S\'open("{flag}","w")\'\n(dtR.'.encode()


def old_instance(flag: Path) -> bytes:
    return f"(S'touch {flag}'\nios\nsystem\n.".encode()


def old_object(flag: Path) -> bytes:
    return b"(cos\nsystem\nS'touch " + str(flag).encode() + b"'\no."


def new_object(flag: Path) -> bytes:
    return b"\x80\x02csubprocess\nPopen\n]X" + len(b"touch").to_bytes(4, "little") + b"touch" + b"a\x85\x81."


def reconstructor(flag: Path) -> bytes:
    return b"ccopy_reg\n_reconstructor\n(csubprocess\nPopen\nc__builtin__\nobject\nNtR."


def dotted_name(flag: Path) -> bytes:
    """An allowed-looking start: numpy's own attribute leads to another module."""
    name = b"core.multiarray.os.system"
    return b"\x80\x04\x8c\x05numpy\x8c" + bytes([len(name)]) + name + b"\x93\x8c\x04true\x85R."


MALICIOUS = [
    os_system,
    builtins_eval,
    eval_via_getattr,
    getattr_of_a_module,
    numpy_loader,
    numpy_runstring,
    old_instance,
    old_object,
    new_object,
    reconstructor,
    dotted_name,
]


@pytest.mark.parametrize("make", MALICIOUS)
@pytest.mark.parametrize("allowed", [(), ("sklearn.*",)])
def test_a_pickle_that_calls_is_refused_and_nothing_is_run(make: Any, allowed: Any, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with pytest.raises(WeightsError, match=r"asks to run '[\w.]+' and was not opened") as caught:
        read_pickle(make(flag), allowed=allowed, name="evil.pkl")
    assert str(caught.value).startswith("evil.pkl ")
    assert not flag.exists()


def test_those_pickles_do_run_when_unpickled_as_usual(tmp_path: Path) -> None:
    """The test above would pass for harmless pickles too; these are not."""
    for make in (os_system, getattr_of_a_module, old_instance, old_object):
        flag = tmp_path / make.__name__
        pickle.loads(make(flag))  # noqa: S301 - shows what is refused above
        assert flag.exists()


def test_an_allowed_name_is_still_never_called(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    found = read_pickle(os_system(flag), allowed=("posix.*", "nt.*"))
    assert isinstance(found, Inert)
    assert (found.name, found.args) == ("posix.system", (f"touch {flag}",))
    assert not flag.exists()


def test_a_state_cannot_change_what_is_not_a_record() -> None:
    with pytest.raises(WeightsError, match="a list is given a state"):
        read_pickle(b"]}X\x06\x00\x00\x00append1s0b.".replace(b"1s0b", b"K\x01sb"))


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ((1, (4,), np.dtype("f8"), False, b"short"), "does not hold what it says"),
        ((1, (-1,), np.dtype("f8"), False, b""), "an array has the shape"),
        ((1, (2,), np.dtype("O"), False, b"\x00" * 16), "does not hold what it says"),
        ((1, (2**40,), np.dtype("O"), False, [1]), "does not hold what it says"),
    ],
)
def test_an_array_whose_state_lies_is_refused(state: Any, text: str) -> None:
    class Lying:
        def __reduce__(self) -> Any:
            return np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), state

    with pytest.raises(WeightsError, match=text):
        read_pickle(pickle.dumps(Lying()))


def test_objects_hidden_under_numbers_are_refused() -> None:
    """A made-up dtype whose bytes would be taken for pointers."""

    class Hiding:
        def __reduce__(self) -> Any:
            fields = {"a": (np.dtype("O"), 0), "b": (np.dtype("i8"), 0)}
            return np.dtype, ("V8", False, True), (3, "|", None, ("a", "b"), fields, 8, 1, 0)

    with pytest.raises(WeightsError, match="truncated or no pickle"):
        read_pickle(pickle.dumps(Hiding()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle at all",
        pickle.dumps(CONTENT, 4)[:-40],
        gzip.compress(pickle.dumps(CONTENT))[:-20],
        b"\x80\x05\x96" + (2**62).to_bytes(8, "little") + b".",
        b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b".",
        b"Pid\n.",
    ],
)
def test_broken_bytes_are_one_sentence(content: bytes) -> None:
    with pytest.raises(WeightsError, match=r"truncated or no pickle|and was not opened"):
        read_pickle(content)


def test_a_truncated_joblib_file_is_refused(tmp_path: Path) -> None:
    opened = io.BytesIO()
    joblib.dump(np.arange(100.0), opened)
    with pytest.raises(WeightsError, match="is cut short"):
        read_pickle(opened.getvalue()[:-8], name="half.pkl")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.pkl cannot be read: No such file"):
        read_pickle(tmp_path / "none.pkl")


def _name(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _text(text: bytes) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text


def test_a_buffer_that_is_a_number_does_not_become_that_many_zeros() -> None:
    size = b"\x8a\x05" + (10**11).to_bytes(5, "little")  # 100 GB
    described = _name("numpy", "dtype") + _text(b"u1") + b"\x85R" + size + b"\x85" + _text(b"C")
    content = b"\x80\x02" + _name("numpy.core.numeric", "_frombuffer") + b"(" + size + described + b"tR."
    with pytest.raises(WeightsError, match="made of something that is no buffer"):
        read_pickle(content)


def test_one_text_copied_again_and_again_is_refused() -> None:
    start = _text(b"a" * 100_000) + b"q\x000" + _name("_codecs", "encode") + b"q\x010" + _text(b"latin1") + b"q\x020"
    with pytest.raises(WeightsError, match="copied again and again"):
        read_pickle(b"\x80\x02" + start + b"](" + b"h\x01h\x00h\x02\x86R" * 100 + b"e.")


@pytest.mark.parametrize(
    "around",
    [
        (b"}", b"K\x01s."),
        (b"(", b"K\x01d."),
        (b"(", b"\x91."),
        (b"\x8f(", b"\x90."),
        (_name("builtins", "set") + b"](", b"e\x85R."),
        (_name("collections", "OrderedDict") + b"](](", b"K\x01ee\x85R."),
    ],
    ids=["setitem", "dict", "frozenset", "additems", "set called", "ordered dict called"],
)
def test_a_key_of_tuples_in_tuples_is_refused_before_it_is_hashed(around: tuple[bytes, bytes]) -> None:
    """Hashing it would overflow the stack of the process; a tree of shared pairs would take for ever."""
    start, end = around
    for nested in (b")" + b"\x85" * 100_000, b")" + b"2\x86" * 60):
        with pytest.raises(WeightsError, match="made of too many parts"):
            read_pickle(b"\x80\x04" + start + nested + end)


@pytest.mark.parametrize(
    ("dtype", "state"),
    [("(3,)f8", (1, (2,), None, False, b"x" * 48)), ("U0", (1, (10**15,), None, False, b""))],
    ids=["rows as values", "values without bytes"],
)
def test_an_array_whose_values_no_array_has_is_refused(dtype: str, state: tuple[Any, ...]) -> None:
    class Described:
        def __reduce__(self) -> Any:
            return np.dtype, (dtype, False, True)

    class Lying:
        def __reduce__(self) -> Any:
            start = (np.ndarray, (0,), b"b")
            return np._core.multiarray._reconstruct, start, (*state[:2], Described(), *state[3:])

    with pytest.raises(WeightsError, match="an array has the shape"):
        read_pickle(pickle.dumps(Lying()))


@pytest.mark.parametrize("content", [b"J\x01.", b"\x80\x05\x96\x01."], ids=["int", "bytearray"])
def test_numbers_cut_short_are_one_sentence(content: bytes) -> None:
    with pytest.raises(WeightsError, match="truncated or no pickle"):
        read_pickle(content)


@pytest.mark.parametrize("text", ["((((f8", "(,2)f8", "02f8", "f8,O"])
def test_a_dtype_numpy_cannot_parse_is_one_sentence(text: str) -> None:
    class Described:
        def __reduce__(self) -> Any:
            return np.dtype, (text, False, True)

    with pytest.raises(WeightsError, match="truncated or no pickle"):
        read_pickle(pickle.dumps(Described()))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_a_small_file_may_not_grow_to_fill_the_memory(tmp_path: Path, pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "SMALL_CONTENT", 2**20)
    path = tmp_path / "bomb.pkl"
    path.write_bytes(pack(b"\x80\x04" + bytes(8 * 2**20)))
    tracemalloc.start()
    with pytest.raises(WeightsError, match=r"grows past 1 MiB when opened\. Give it uncompressed"):
        read_pickle(path)
    assert tracemalloc.get_traced_memory()[1] < 4 * 2**20, "refused before it had grown"
    tracemalloc.stop()


def test_a_file_of_noise_grows_as_far_as_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "SMALL_CONTENT", 10)
    content = np.random.default_rng(0).standard_normal(5000).astype(np.float32).tobytes()
    assert containers.inflate(gzip.compress(content)) == content


NESTED = {"deep": b")" + b"\x85" * 300_000, "doubled": b")" + b"2\x86" * 60}


@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize(
    "around",
    [
        (b"", b"."),
        (b"", b"Q."),
        (_name("numpy", "dtype"), b"\x85R."),
        (_name("numpy", "dtype") + _text(b"u1") + b"\x85R(K\x01", b"tb."),
        (_name("sklearn.linear_model", "Ridge") + b")R}" + _text(b"coef_"), b"sb."),
        (_name("numpy._core.multiarray", "scalar") + _name("numpy", "dtype") + _text(b"u1") + b"\x85R", b"\x86R."),
    ],
    ids=["value", "outside reference", "dtype", "state of a dtype", "array of an estimator", "scalar"],
)
def test_tuples_in_tuples_are_refused_before_anything_walks_through_them(
    around: tuple[bytes, bytes], nested: bytes
) -> None:
    """60 pairs of the pair before are 120 bytes, and as a text, or as an array, 2^60 values."""
    with pytest.raises(WeightsError, match=r"truncated or no pickle|and was not opened"):
        read_pickle(b"\x80\x02" + around[0] + nested + around[1], allowed=("sklearn.*",))


INERT = _name("sklearn", "Ridge") + b")" + b"2\x86" * 60 + b"\x85R"
"""A record of a class, whose arguments have no end."""


@pytest.mark.parametrize(
    "around",
    [
        (b"", b"Q."),
        (_name("numpy", "dtype"), b"K\x00K\x01\x87R."),
        (_name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}(" + _text(b"shape"), _text(b"dtype") + b"NXub."),
        (_name("numpy", "dtype") + b"\x85R", b"b."),
    ],
)
def test_a_record_without_end_is_named_and_not_described(around: tuple[bytes, bytes]) -> None:
    with pytest.raises(WeightsError) as caught:
        read_pickle(b"\x80\x03" + around[0] + INERT + around[1], allowed=("sklearn.*",))
    assert len(str(caught.value)) < 500


def test_fields_inside_fields_are_refused() -> None:
    pairs: Any = np.dtype("i1")
    for _ in range(20):
        pairs = np.dtype([("a", pairs), ("b", pairs)])
    with pytest.raises(WeightsError, match="a dtype has fields inside fields"):
        read_pickle(pickle.dumps(np.zeros(1, pairs)))


def test_values_that_are_shared_or_hold_themselves_are_read() -> None:
    shared = [np.arange(3)] * 50
    loop: list[Any] = []
    loop.append(loop)
    found = read_pickle(pickle.dumps({"shared": [shared] * 20, "loop": loop}))
    assert len(found["shared"]) == 20 and found["loop"][0] is found["loop"]
