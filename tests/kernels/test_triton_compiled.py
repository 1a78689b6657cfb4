"""What compilers make of the kernel for devices that are not here: sizes, spills, and what they may drop in silence."""

import re

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

import triton_compile

from ditfastattn.kernels.triton.configs import PINGPONG, candidates, refreshes

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def compiles_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


TARGET_NAMES = ("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120", "gfx942", "gfx1100")


def shipped():
    """(target, head size, configuration, refresh): on Hopper head sizes of one part and of two, elsewhere the largest
    of each way to cut them. 80 is cut as 72 is: there its first binary stands for the rest."""
    for config in candidates("cuda", 90, 80)[:1]:
        yield "sm_90", 80, config, True
    for target in TARGET_NAMES:
        for dim in (64, 72, 96, 128) if target == "sm_90" else (64, 80, 128):
            found = triton_compile.configurations(target, dim)
            yield from ((target, dim, config, False) for config in found)
            yield from ((target, dim, config, True) for config in found if refreshes(config, found[-1]))


@pytest.mark.parametrize("target, dim, config, emit", list(shipped()), ids=str)
@pytest.mark.parametrize("pooled", [False, True], ids=["", "pooled"])
def test_shipped_configurations_compile_fit_and_spill_nothing(target, dim, config, emit, pooled):
    kernel = triton_compile.compiled(target, dim, config, emit, pooled)
    assert kernel.metadata.shared <= triton_compile.SHARED[target]
    assert triton_compile.spilled(kernel) == 0
    if config.path == PINGPONG:
        assert kernel.metadata.global_scratch_size == 0
        triton_compile.assert_products_overlap(kernel)


def int8_binaries():
    """All of head size 128 on each kind of GPU; of the others the one that takes most registers."""
    for target in ("sm_80", "sm_89", "sm_120"):
        yield from ((target, 128, *one) for one in triton_compile.int8_variants(int(target[3:]), 128))
        for dim in (64, 80, 96):
            yield (target, dim, *triton_compile.int8_variants(int(target[3:]), dim)[-1])


@pytest.mark.parametrize("target, dim, config, emit, pooled", list(int8_binaries()), ids=str)
def test_the_int8_path_compiles_fits_spills_nothing_and_multiplies_integers(target, dim, config, emit, pooled):
    kernel = triton_compile.in_int8(target, dim, config, emit, pooled)
    assert kernel.metadata.shared <= triton_compile.SHARED[target]
    assert triton_compile.spilled(kernel) == 0
    loop = triton_compile.inner_loop(kernel)
    assert any(name.startswith("IMMA.16832") for name in loop)
    # Products with values are summed up in float16.
    assert any(re.match(r"HMMA\.16816\.F16", name) for name in loop)
    assert not any(name.startswith(("HMMA.16816.F32", "LDL", "STL")) for name in loop)


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


@pytest.mark.parametrize("dim", [64, 72, 96, 128])
def test_on_hopper_pooled_keys_alone_fit_and_spill_nothing(dim):
    kernel = triton_compile.attending_pooled("sm_90", dim, candidates("cuda", 90, dim)[0])
    assert kernel.metadata.shared <= triton_compile.SHARED["sm_90"] and triton_compile.spilled(kernel) == 0
    text = kernel.asm["ttgir"]
    assert "ttng.warp_group_dot " in text and "tt.dot " not in text


@pytest.mark.parametrize("target", TARGET_NAMES)
@pytest.mark.parametrize("dim", [72, 128])
def test_tokens_are_pooled_without_spills(dim, target):
    kernel = triton_compile.pooling(target, dim)
    assert triton_compile.spilled(kernel) == triton_compile.spilled(triton_compile.weighing(target, dim)) == 0
    if target == "sm_90":
        assert "ld.global.v4.b32" in kernel.asm["ptx"]


@pytest.mark.parametrize("dim", [72, 128])
def test_tokens_are_put_in_order_sixteen_bytes_at_a_time(dim):
    kernel = triton_compile.ordering("sm_90", dim)
    assert triton_compile.spilled(kernel) == 0
    assert "ld.global.v4.b32" in kernel.asm["ptx"] and "st.global.v4.b32" in kernel.asm["ptx"]
