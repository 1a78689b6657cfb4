"""The machine that `gluon_emulator` runs a kernel on: its values, shared memory, barriers, warp groups, and what is
under way."""

import random
import threading
import types
from collections import Counter

import numpy as np
import torch

# How often a group, copies or products get their turn, beside the others.
HASTE = (0.001, 1.0)


class EmulationError(Exception):
    """What a GPU would have hung on, or computed wrongly by chance."""


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


def data_of(x):
    if isinstance(x, Pending):
        raise EmulationError("A product is used before it is awaited.")
    return x.data if isinstance(x, Value) else x


def pair_of(a, b):
    """Two operands' data in their common type; torch would not widen a tensor for a wider scalar beside it."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        common = torch.promote_types(a.dtype, b.dtype)
        return a.to(common), b.to(common)
    return a, b


def _operator(name, act):
    def forward(self, other):
        if isinstance(other, Pointer):
            return NotImplemented
        return Value(act(*pair_of(self.data, data_of(other))), self.layout)

    def backward(self, other):
        return Value(act(*pair_of(data_of(other), self.data)), self.layout)

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
        steps = torch.as_tensor(data_of(offset)).long()
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
        self.data.copy_(data_of(value))


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
            start = acc.value if isinstance(acc, Pending) else data_of(acc)
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
