"""Runs a warp-specialised Gluon kernel for Hopper on the CPU, from its own source, and draws the order of events.

Warp groups, copies and products run one at a time, in an order drawn from a seed, as late as barriers and waits allow
and as early as they are asked for. What a GPU would make of a mistake by bad luck shows here:

    a copy's target is NaN from the moment it is asked for until it arrives, and so is shared memory to begin with
    a product reads its operands from shared memory at any time between being asked for and being awaited
    an asynchronous result that is used before it is awaited, a barrier that is signalled too often: an error
    nothing can go on: an error that says who waits for what

It knows no layouts: that the operands of an operation agree in theirs is for the compiler, which checks it. Of them it
keeps only which layout wrote an address in global memory: read back in another one by the same program, it would lie
with another thread, which may not see it yet.

Barriers are the PTX ISA's `mbarrier`: a phase is over when its arrivals and its bytes are there.
"""

import builtins
import types

import numpy as np
import torch
from gluon_machine import (
    Barrier,
    EmulationError,
    Machine,
    Pending,
    Pointer,
    PointerType,
    Shared,
    Value,
    data_of,
    pair_of,
)
from triton._C.libtriton import interpreter
from triton.experimental.gluon._runtime import GluonJITFunction
from triton.language.core import constexpr
from triton.runtime.jit import JITFunction

NUMBERS = {
    torch.float16: np.uint16, torch.bfloat16: np.uint16, torch.float32: np.uint32, torch.int32: np.int32,
    torch.int64: np.int64,
}  # fmt: skip


class Emulated:
    """A kernel in place of the compiled one: `Emulated(kernel, seed)[grid](*args, **constants)`."""

    def __init__(self, kernel: GluonJITFunction, seed: int = 0):
        self.machine = Machine(seed)
        self.function = translated(kernel, self.machine, {})

    def __getitem__(self, grid):
        def launch(*args, num_warps=4, **constants):
            values = [_argument(x) for x in args]
            constants = {name: _argument(x) if isinstance(x, torch.Tensor) else x for name, x in constants.items()}
            for program in range(grid[0]):
                self.machine.run(program, lambda: self.function(*values, **constants))

        return launch


def _argument(x):
    if isinstance(x, torch.Tensor):
        return Pointer(torch.tensor(x.data_ptr()), x.dtype)
    return Value(torch.tensor(x)) if isinstance(x, int | float) else x


def translated(function, machine, done):
    """A JIT function as a Python function, in a copy of its module's names with emulated ones among them."""
    source = function.fn
    if source not in done:
        names = dict(source.__globals__)
        done[source] = types.FunctionType(source.__code__, names, source.__name__, source.__defaults__)
        for name, x in source.__globals__.items():
            if isinstance(x, JITFunction) or hasattr(x, "fn") and callable(x.fn):
                names[name] = translated(x, machine, done)
            elif isinstance(x, constexpr):
                names[name] = x.value
        emulated = Language(machine)
        names |= {"gl": emulated, "tl": emulated, "mbarrier": Mbarrier(machine), "tma": Tma(machine)}
        names |= {"warpgroup_mma": machine.multiply, "warpgroup_mma_wait": machine.await_products}
        names["warpgroup_mma_init"] = lambda value: Pending(data_of(value))
    return done[source]


class Mbarrier:
    MBarrierLayout = staticmethod(lambda: "barrier")

    def __init__(self, machine):
        self.machine = machine

    def init(self, barrier, count):
        barrier.cell.count = barrier.cell.left = count

    def arrive(self, barrier, count=1, pred=True):
        self.machine.step()
        if pred:
            self.machine.signal(barrier.cell, arrivals=count)

    def expect(self, barrier, size):
        self.machine.step()
        self.machine.signal(barrier.cell, arrivals=1, expected=size)

    def wait(self, barrier, phase, pred=True):
        if not pred:
            return
        cell, parity = barrier.cell, int(phase)
        if parity not in (0, 1):
            raise EmulationError(f"A phase's parity is 0 or 1, not {parity}.")
        self.machine.step(lambda: cell.phase & 1 != parity, f"waits for parity {parity} of {cell}")


class Tma:
    def __init__(self, machine):
        self.machine = machine

    def async_copy_global_to_shared(self, source, at, barrier, target):
        self.machine.step()
        at = [int(x) for x in at]
        box = target.data.view(list(source.block_shape))
        box.fill_(torch.nan)
        tensor = torch.as_strided(source.base, source.shape, source.strides)

        def deliver():
            inside = tuple(slice(a, min(a + n, size)) for a, n, size in zip(at, source.block_shape, source.shape))
            found = tensor[inside]
            box.zero_()
            box[tuple(slice(0, n) for n in found.shape)] = found
            self.machine.signal(barrier.cell, arrived=box.numel() * box.element_size())

        self.machine.copies.append(deliver)
        self.machine.seen["copies"] += 1


class Language:
    """What kernels use of `gluon.language` and `triton.language`."""

    int32, int64, float32, uint32 = torch.int32, torch.int64, torch.float32, "uint32"
    constexpr, pointer_type = constexpr, PointerType

    def __init__(self, machine):
        self.machine = machine

    def _layout(self, *name):
        return name

    NVMMADistributedLayout = BlockedLayout = DotOperandLayout = SliceLayout = _layout

    def program_id(self, axis):
        return Value(torch.tensor(self.machine.program, dtype=torch.int32))

    def allocate_shared_memory(self, element, shape, layout):
        if layout == "barrier":
            return Barrier(shape, self.machine)
        return Shared(torch.full(shape, torch.nan, dtype=element), self.machine)

    def warp_specialize(self, functions, warps, registers):
        self.machine.specialize(functions)

    def static_range(self, *bounds):
        return builtins.range(*bounds)

    def arange(self, start, stop, layout=None):
        return Value(torch.arange(start, stop, dtype=torch.int32), layout)

    def full(self, shape, value, dtype, layout=None):
        return Value(torch.full(shape, value, dtype=dtype), layout)

    def zeros(self, shape, dtype, layout=None):
        return self.full(shape, 0, dtype, layout)

    def convert_layout(self, value, layout):
        return Value(data_of(value), layout)

    def where(self, condition, a, b):
        a, b = data_of(a), data_of(b)
        if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
            a = torch.tensor(a)
        chosen = torch.where(data_of(condition), *pair_of(a, b))
        return Value(chosen, condition.layout)

    def maximum(self, a, b):
        return Value(torch.maximum(*pair_of(data_of(a), data_of(b))), a.layout)

    def max(self, value, axis):
        return Value(data_of(value).amax(axis), value.layout)

    def sum(self, value, axis):
        return Value(data_of(value).sum(axis), value.layout)

    def exp2(self, value):
        return Value(torch.exp2(data_of(value)), value.layout)

    def log2(self, value):
        return Value(torch.log2(data_of(value)), value.layout)

    def abs(self, value):
        return Value(data_of(value).abs(), value.layout)

    def load(self, pointer, mask=None, other=0):
        addresses, chosen = _addresses(pointer, mask)
        flat = addresses.reshape(-1)
        for address, taken in zip(flat.tolist(), chosen.reshape(-1).tolist()) if self.machine.written else ():
            if taken and self.machine.written.get(address, pointer.layout) != pointer.layout:
                raise EmulationError("What one thread stored another loads.")
        kind = NUMBERS[pointer.element]
        otherwise = torch.full(addresses.shape, float(other), dtype=torch.float64).to(pointer.element)
        otherwise = _numbers(otherwise, kind)
        found = interpreter.load(flat.astype(np.uint64), chosen.reshape(-1), otherwise.reshape(-1), np.dtype(kind))
        data = torch.from_numpy(found.astype(kind).reshape(addresses.shape).copy().view(_signed(kind)))
        return Value(data.view(pointer.element) if pointer.element.is_floating_point else data, pointer.layout)

    def store(self, pointer, value, mask=None):
        addresses, chosen = _addresses(pointer, mask)
        data = data_of(value)
        if data.dtype is not pointer.element:
            raise EmulationError(f"{data.dtype} is stored where {pointer.element} lies.")
        for address in addresses[chosen].tolist():
            self.machine.written[address] = pointer.layout
        numbers = _numbers(data.expand(addresses.shape).contiguous(), NUMBERS[pointer.element])
        interpreter.store(addresses.reshape(-1).astype(np.uint64), numbers.reshape(-1), chosen.reshape(-1))


def _signed(kind):
    return {np.uint16: np.int16, np.uint32: np.int32}.get(kind, kind)


def _numbers(data, kind):
    if data.dtype.is_floating_point:
        data = data.view({2: torch.int16, 4: torch.int32}[data.element_size()])
    return data.numpy().view(kind)


def _addresses(pointer, mask):
    addresses = pointer.address.numpy()
    chosen = np.ones(addresses.shape, dtype=bool) if mask is None else np.asarray(data_of(mask))
    addresses, chosen = np.broadcast_arrays(addresses, chosen)
    return np.ascontiguousarray(addresses), np.ascontiguousarray(chosen)
