"""What compilers make of the kernel for devices that are not here: sizes, spills, and what they may drop in silence.

Binaries on record (see `shipped`) are looked at by what the record says of them; of the others, those that stand for
them are compiled. A few of the former are compiled as well, so that the record cannot say what is not so.
"""

import re

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

import shipped
import triton_compile

from ditfastattn.kernels.triton.configs import HEAD_DIMS, INT8, PINGPONG, POINTER, candidates
from ditfastattn.kernels.triton.devices import proven_triton

pytestmark = pytest.mark.slow
gluon = pytest.mark.skipif(not proven_triton(), reason="the Hopper source is for Triton 3.6 alone")


@pytest.fixture(autouse=True)
def compiles_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


BINARIES = {str(one): one for one in shipped.binaries()}
RECORDED = shipped.recorded()
# On record or not: the one that takes most registers of each path on each kind of GPU.
SAMPLE = {
    (one.config.path, one.target): name
    for name, one in BINARIES.items()
    if one.head_dim == 128 and (one.config.path != INT8 or one.target == "sm_89")
}
COMPILED = [
    name
    for name, one in BINARIES.items()
    if name in SAMPLE.values() or (name not in RECORDED and shipped.stands_for_others(one))
]


def test_every_binary_on_record_fits_and_spills_nothing():
    found = {name: shipped.wrong(BINARIES[name], facts) for name, facts in RECORDED.items()}
    assert not {name: sentence for name, sentence in found.items() if sentence}


def test_every_binary_is_on_record_or_is_compiled_here():
    missing = BINARIES.keys() - RECORDED.keys() - set(COMPILED)
    if missing:
        pytest.skip(f"{len(missing)} binaries of other head sizes: python tests/kernels/shipped.py records them")


@pytest.mark.parametrize("name", COMPILED)
def test_shipped_binaries_compile_fit_and_spill_nothing(name):
    found = shipped.facts(BINARIES[name])
    assert shipped.wrong(BINARIES[name], found) is None
    assert found == RECORDED.get(name, found)


def test_binaries_are_those_of_every_head_size_path_and_kind_of_gpu():
    some = {(one.target, one.head_dim, one.emit, one.pooled) for one in BINARIES.values() if one.config.path == POINTER}
    kinds = [(emit, pooled) for emit in (False, True) for pooled in (False, True)]
    assert some == {(target, dim, *one) for target in triton_compile.TARGETS for dim in HEAD_DIMS for one in kinds}
    eight = {(one.target, one.head_dim) for one in BINARIES.values() if one.config.path == INT8}
    assert eight == {(target, dim) for target in ("sm_80", "sm_86", "sm_89", "sm_120") for dim in HEAD_DIMS}
    gluon = {(one.target, one.head_dim) for one in BINARIES.values() if one.config.path == PINGPONG}
    assert gluon == ({("sm_90", dim) for dim in HEAD_DIMS} if proven_triton() else set())


def test_what_is_wrong_with_a_binary_is_seen():
    usual = next(one for one in BINARIES.values() if one.config.path == POINTER)
    eight = next(one for one in BINARIES.values() if one.config.path == INT8)
    right = {"spilled": 0, "shared": 1024, "registers": 255}
    whole = {**right, "integers": True, "short_sums": True, "long_sums": False}
    assert shipped.wrong(usual, right) is shipped.wrong(eight, whole) is None
    for damage in ({"spilled": 8}, {"shared": 1 << 20}, {"scratch": 16}):
        assert shipped.wrong(usual, {**right, **damage})
    for damage in ({"integers": False}, {"short_sums": False}, {"long_sums": True}):
        assert shipped.wrong(eight, {**whole, **damage})


def test_a_record_holds_for_the_source_that_it_was_made_of(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "RECORD", tmp_path / "record.json")
    assert shipped.recorded() == {}
    (first, second), facts = list(BINARIES)[:2], {"spilled": 0, "shared": 64}
    shipped.add({second: facts})
    shipped.add({first: facts})
    assert list(shipped.recorded()) == [first, second] and shipped.recorded()[first] == facts
    monkeypatch.setitem(shipped.SOURCES, POINTER, shipped.SOURCES[POINTER][1:])
    assert shipped.recorded() == {}
    shipped.add({second: facts})
    assert list(shipped.recorded()) == [second]


@pytest.mark.parametrize("target, dim", [("sm_80", 128), ("sm_89", 80), ("sm_120", 64)])
def test_rows_are_rounded_without_spills(target, dim):
    for kernel in (triton_compile.quantising(target, dim), triton_compile.measuring(target, dim)):
        assert triton_compile.spilled(kernel) == 0
        assert kernel.metadata.shared <= triton_compile.SHARED[target]


@pytest.mark.parametrize("dim", [72, 128])
def test_on_hopper_the_other_path_multiplies_in_warp_groups_and_fetches_keys_ahead(dim):
    """What a compiler may drop without a word: it would still be right, and several times slower."""
    kernel = triton_compile.compiled("sm_90", dim, candidates("cuda", 90, dim)[-1])
    text = kernel.asm["ttgir"]
    assert "ttng.warp_group_dot " in text and "tt.dot " not in text
    buffers = {int(n) for n in re.findall(r"memdesc<(\d+)x\d+x\d+xbf16", text)}
    assert max(buffers) >= 3
    assert re.search(r"cp\.async\.cg\.shared\.global .*0x10", kernel.asm["ptx"])


@gluon
@pytest.mark.parametrize("dim", [64, 72, 96, 128])
def test_on_hopper_pooled_keys_alone_fit_and_spill_nothing(dim):
    kernel = triton_compile.attending_pooled("sm_90", dim, candidates("cuda", 90, dim)[0])
    assert kernel.metadata.shared <= triton_compile.SHARED["sm_90"] and triton_compile.spilled(kernel) == 0
    text = kernel.asm["ttgir"]
    assert "ttng.warp_group_dot " in text and "tt.dot " not in text


@pytest.mark.parametrize(
    "target, dim", [("sm_80", 72), ("sm_90", 128), ("sm_120", 72), ("gfx942", 128), ("gfx1100", 72)]
)
def test_tokens_are_pooled_without_spills(target, dim):
    kernel = triton_compile.pooling(target, dim)
    assert triton_compile.spilled(kernel) == triton_compile.spilled(triton_compile.weighing(target, dim)) == 0
    if target == "sm_90":
        assert "ld.global.v4.b32" in kernel.asm["ptx"]


@gluon
@pytest.mark.parametrize("dim", [72, 128])
def test_tokens_are_put_in_order_sixteen_bytes_at_a_time(dim):
    kernel = triton_compile.ordering("sm_90", dim)
    assert triton_compile.spilled(kernel) == 0
    assert "ld.global.v4.b32" in kernel.asm["ptx"] and "st.global.v4.b32" in kernel.asm["ptx"]
