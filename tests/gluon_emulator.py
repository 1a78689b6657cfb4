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
import random
import threading
import types
from collections import Counter

import numpy as np
import torch
from triton._C.libtriton import interpreter
from triton.experimental.gluon._runtime import GluonJITFunction
from triton.language.core import constexpr
from triton.runtime.jit import JITFunction

NUMBERS = {
    torch.float16: np.uint16, torch.bfloat16: np.uint16, torch.float32: np.uint32, torch.int32: np.int32,
    torch.int64: np.int64,
}  # fmt: skip


# How often a group, copies or products get their turn, beside the others.
HASTE = (0.001, 1.0)


class EmulationError(Exception):
    """What a GPU would have hung on, or computed wrongly by chance."""


class Emulated:
    """A kernel in place of the compiled one: `Emulated(kernel, seed)[grid](*args, **constants)`."""

    def __init__(self, kernel: GluonJITFunction, seed: int = 0):
        self.names = kernel.arg_names
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
        names["warpgroup_mma_init"] = lambda value: Pending(_data(value))
    return done[source]


# ---- values


class Value:
    """A tensor of the kernel, or a scalar: a torch tensor on the CPU, with the operators that kernels use."""

    def __init__(self, data, layout=None):
        self.data = data
        self.layout = layout

    shape = property(lambda self: list(self.data.shape))
    dtype = property(lambda self: self.data.dtype)
    type = property(lambda self: types.SimpleNamespace(layout=self.layout))

    def to(self, dtype, bitcast=False):
        if isinstance(dtype, PointerType):
            return Pointer(self.data.long(), dtype.element_ty)
        if dtype == "uint32":
            return Value(self.data.long() & 0xFFFFFFFF, self.layout)
        return Value(self.data.to(dtype), self.layout)

    def __getitem__(self, key):
        return Value(self.data[key], self.layout)

    def __bool__(self):
        return bool(self.data)

    def __index__(self):
        return int(self.data)

    __int__ = __index__


def _data(x):
    if isinstance(x, Pending):
        raise EmulationError("A product is used before it is awaited.")
    return x.data if isinstance(x, Value) else x


def _pair(a, b):
    """Two operands' data in their common type; torch would not widen a tensor for a wider scalar beside it."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        common = torch.promote_types(a.dtype, b.dtype)
        return a.to(common), b.to(common)
    return a, b


def _operator(name, act):
    def forward(self, other):
        if isinstance(other, Pointer):
            return NotImplemented
        return Value(act(*_pair(self.data, _data(other))), self.layout)

    def backward(self, other):
        return Value(act(*_pair(_data(other), self.data)), self.layout)

    setattr(Value, f"__{name}__", forward)
    setattr(Value, f"__r{name}__", backward)


def _divide(a, b):
    return torch.div(a, b, rounding_mode="trunc") if isinstance(a, torch.Tensor) else int(a / b)


def _remainder(a, b):
    return torch.fmod(a, b) if isinstance(a, torch.Tensor) else int(np.fmod(a, int(b)))


for _name, _act in {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "truediv": lambda a, b: a / b,
    "floordiv": _divide, "mod": _remainder, "and": lambda a, b: a & b, "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b, "rshift": lambda a, b: a >> b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b, "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
}.items():  # fmt: skip
    _operator(_name, _act)
Value.__neg__ = lambda self: Value(-self.data, self.layout)
Value.__hash__ = None


class PointerType:
    def __init__(self, element_ty):
        self.element_ty = element_ty


class Pointer:
    """Addresses in bytes, and the type of what lies there."""

    def __init__(self, address, element, layout=None):
        self.address = address
        self.element = element
        self.layout = layout
        self.dtype = PointerType(element)

    def __add__(self, offset):
        layout = self.layout or getattr(offset, "layout", None)
        steps = torch.as_tensor(_data(offset)).long()
        return Pointer(self.address + steps * self.element.itemsize, self.element, layout)

    __radd__ = __add__


class Pending:
    """A product that the matrix unit may not have computed yet."""

    def __init__(self, value=None):
        self.value = value


class Shared:
    """A view of shared memory."""

    def __init__(self, data, machine):
        self.data = data
        self.machine = machine

    def index(self, at):
        return Shared(self.data[int(at)], self.machine)

    def reshape(self, shape):
        view = self.data.view(shape) if self.data.is_contiguous() else None
        return Shared(view, self.machine)

    def permute(self, order):
        return Shared(self.data.permute(order), self.machine)

    def load(self, layout):
        self.machine.step()
        return Value(self.data.clone(), layout)

    def store(self, value):
        self.machine.step()
        self.data.copy_(_data(value))


class Barrier(Shared):
    """An mbarrier, or a row of them: arrivals and bytes that its phase still needs, and how many phases are over."""

    def __init__(self, shape, machine):
        self.machine = machine
        self.cells = [types.SimpleNamespace(count=None, left=0, bytes=0, phase=0) for _ in range(shape[0])]
        self.cell = self.cells[0]

    def index(self, at):
        one = Barrier.__new__(Barrier)
        one.machine, one.cell, one.cells = self.machine, self.cells[int(at)], None
        return one


# ---- the machine


class Machine:
    """One program at a time: its warp groups as threads, of which one runs; copies and products that are under way."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.program = 0
        self.groups = []
        self.copies = []
        self.products = {}
        self.written = {}
        self.seen = Counter()

    def run(self, program, function):
        self.program, self.copies, self.products, self.written = program, [], {}, {}
        self.groups = []
        function()

    def specialize(self, functions):
        """Run functions of (function, arguments) side by side until all are done."""
        self.groups = [Group(self, function, arguments) for function, arguments in functions]
        self.products = {group: [] for group in self.groups}
        # Whoever is quick in this program: an even draw would hardly ever leave one far behind.
        haste = {source: self.random.choice(HASTE) for source in (*self.groups, "copies", "products")}
        while not all(group.done for group in self.groups):
            events = [(group.resume, haste[group]) for group in self.groups if group.can_run()]
            events += [(lambda c=copy: self._deliver(c), haste["copies"]) for copy in self.copies]
            queues = [queue for queue in self.products.values() if queue]
            events += [(lambda queue=queue: queue.pop(0)(), haste["products"]) for queue in queues]
            if not events:
                for group in self.groups:
                    group.abandon()
                waits = ", ".join(f"{group.name} {group.waits}" for group in self.groups if not group.done)
                raise EmulationError(f"Nothing can go on: {waits}.")
            self.random.choices([act for act, _ in events], [weight for _, weight in events])[0]()
            failed = [group.error for group in self.groups if group.error is not None]
            if failed:
                for group in self.groups:
                    group.abandon()
                raise failed[0]
        if self.copies or any(self.products.values()):
            raise EmulationError("The program ends before its copies or products do.")

    def here(self):
        return next(group for group in self.groups if group.thread is threading.current_thread())

    def step(self, condition=None, waits=""):
        """A point where others may run, and must where `condition` does not hold yet."""
        if self.groups:
            self.here().pause(condition or (lambda: True), waits)

    def _deliver(self, copy):
        self.copies.remove(copy)
        copy()

    def signal(self, cell, arrivals=0, expected=0, arrived=0):
        if cell.count is None:
            raise EmulationError("A barrier is used before it is made.")
        cell.left -= arrivals
        cell.bytes += expected - arrived
        if cell.left < 0:
            raise EmulationError("A barrier is signalled more often than its phase takes.")
        if cell.left == 0 and cell.bytes == 0:
            cell.phase, cell.left = cell.phase + 1, cell.count

    def multiply(self, a, b, acc, use_acc=True, is_async=False):
        """Queue a product for this group's matrix unit, which works in order."""
        self.step()
        result = Pending()

        def compute():
            start = acc.value if isinstance(acc, Pending) else _data(acc)
            product = a.data.float() @ b.data.float()
            result.value = start + product if use_acc else product

        self.products[self.here()].append(compute)
        self.seen["products"] += 1
        return result if is_async else self.await_products(0, [result])

    def await_products(self, outstanding, deps):
        self.step()
        queue = self.products[self.here()]
        while len(queue) > outstanding:
            queue.pop(0)()
        values = [Value(x.value) if isinstance(x, Pending) else x for x in deps]
        if any(x.data is None for x in values):
            raise EmulationError("A product is awaited that is still outstanding.")
        return values[0] if len(values) == 1 else tuple(values)


class Group:
    """A thread that runs only while the machine waits for it."""

    def __init__(self, machine, function, arguments):
        self.name = f"{function.__name__} {[x for x in arguments if isinstance(x, int)] or ''}".strip()
        self.go, self.back = threading.Semaphore(0), threading.Semaphore(0)
        self.condition, self.waits, self.done, self.error, self.given_up = lambda: True, "", False, None, False
        self.thread = threading.Thread(target=self._work, args=(function, arguments), daemon=True)
        self.thread.start()

    def _work(self, function, arguments):
        self.go.acquire()
        try:
            if not self.given_up:
                function(*arguments)
        except _GivenUp:
            pass
        except BaseException as error:
            self.error = error
        self.done = True
        self.back.release()

    def can_run(self):
        return not self.done and self.condition()

    def resume(self):
        self.go.release()
        self.back.acquire()

    def pause(self, condition, waits):
        self.condition, self.waits = condition, waits
        self.back.release()
        self.go.acquire()
        if self.given_up:
            raise _GivenUp

    def abandon(self):
        self.given_up = True
        if not self.done:
            self.resume()


class _GivenUp(BaseException):
    pass


# ---- the language


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
        return Value(_data(value), layout)

    def where(self, condition, a, b):
        a, b = _data(a), _data(b)
        if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
            a = torch.tensor(a)
        chosen = torch.where(_data(condition), *_pair(a, b))
        return Value(chosen, condition.layout)

    def maximum(self, a, b):
        return Value(torch.maximum(*_pair(_data(a), _data(b))), a.layout)

    def max(self, value, axis):
        return Value(_data(value).amax(axis), value.layout)

    def sum(self, value, axis):
        return Value(_data(value).sum(axis), value.layout)

    def exp2(self, value):
        return Value(torch.exp2(_data(value)), value.layout)

    def log2(self, value):
        return Value(torch.log2(_data(value)), value.layout)

    def abs(self, value):
        return Value(_data(value).abs(), value.layout)

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
        data = _data(value)
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
    chosen = np.ones(addresses.shape, dtype=bool) if mask is None else np.asarray(_data(mask))
    addresses, chosen = np.broadcast_arrays(addresses, chosen)
    return np.ascontiguousarray(addresses), np.ascontiguousarray(chosen)
