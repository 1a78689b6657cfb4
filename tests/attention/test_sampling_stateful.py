"""Random sequences of what people do to a graph: the oracle judges every run, and nothing is held after any of them."""

import os

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402
from matrix import others, sampled, sampling  # noqa: E402
from matrix.identity import Oracle  # noqa: E402

from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached, remove  # noqa: E402
from ditfastattn.attention.replay import computing  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import WINDOWS, hand_plan  # noqa: E402

pytestmark = pytest.mark.host
# Graphs that are tried: one in the suite, and as many as are wanted where this says so.
EXAMPLES = int(os.environ.get("DITFASTATTN_EXAMPLES", "1"))
FAMILY, STEPS = "sd3", 4
SLOT = "optimized_attention_override"
# Rows in which no site is reused whole: the first of each pair never reuses where the second does.
PAIRS = (("ffff", "frfr"), ("f0f1", "ffrf"), ("fAAf", "ff0f"), ("f00f", "frff"))
WAYS = st.sampled_from(
    ["as usual", "CFG 1", "batch of two", "a mask", "a longer negative", "sampler heun", "inpainting"]
)


class Graph(RuleBasedStateMachine):
    """One model that nodes are put on, one after another."""

    def __init__(self):
        super().__init__()
        self.base = tiny.shared_model(FAMILY)  # without the pack
        self.model = self.base
        self.pairs = None  # of the plan that is on it
        self.lost: set[int] = set()

    @rule(first=st.sampled_from(PAIRS), second=st.sampled_from(PAIRS))
    def apply(self, first, second):
        self.pairs, self.lost = (first, second), set()
        self.model = apply_plan(self.model, self._plan((*first, *second)), "D1")

    @precondition(lambda self: self.pairs)
    @rule()
    def take_off(self):
        self.model, self.pairs, self.lost = remove(self.model), None, set()

    @rule()
    def override_that_forgets(self):
        self.model = self.model.clone()
        self.model.model_options["transformer_options"][SLOT] = lambda func, *args, **kwargs: func(*args, **kwargs)

    @rule()
    def override_that_chains(self):
        self.model = self.model.clone()
        before = self.model.model_options["transformer_options"].get(SLOT)
        self.model.model_options["transformer_options"][SLOT] = lambda func, *args, **kwargs: (
            func(*args, **kwargs) if before is None else before(func, *args, **kwargs)
        )

    @rule(strength=st.sampled_from([0.02, -0.03]))
    def lora(self, strength):
        self.model = others.lora(self.model, FAMILY, strength)
        self.base = others.lora(self.base, FAMILY, strength)

    @precondition(lambda self: self.pairs)
    @rule(site=st.sampled_from([0, 1]))
    def object_patch(self, site):
        module = self.model.get_model_object(f"diffusion_model.joint_blocks.{site}.x_block.attn")
        self.model = self.model.clone()
        self.model.add_object_patch(
            f"diffusion_model.joint_blocks.{site}.x_block.attn.pre_attention",
            lambda *args, **kwargs: type(module).pre_attention(module, *args, **kwargs),
        )
        self.lost.add(site)

    @rule(way=WAYS)
    def sample(self, way):
        how = sampling.WAYS[way]
        made = sampling.sample(self.model, FAMILY, how, steps=STEPS)
        heads = [row for pair in self.pairs for row in pair] if self.pairs else ["f" * STEPS] * 4
        for site in self.lost:
            heads[2 * site : 2 * site + 2] = ["f" * STEPS] * 2
        oracle = Oracle(heads, "0" * STEPS, WINDOWS, 2, sampled.PATCHES[FAMILY], True)
        with oracle.inside(self.base) as meant:
            expected = sampling.sample(meant, FAMILY, how, steps=STEPS)
        error = float((made - expected).norm() / expected.norm())
        assert error < sampling.ROUNDING, (way, error, self.pairs, self.lost)
        self._nothing_is_held()

    @rule(way=WAYS, step=st.integers(0, STEPS - 1))
    def cancel(self, way, step):
        def cancelled(at, *args):
            if at >= step:
                raise comfy.model_management.InterruptProcessingException()

        with pytest.raises(comfy.model_management.InterruptProcessingException):
            sampling.sample(self.model, FAMILY, sampling.WAYS[way], steps=STEPS, callback=cancelled)
        self._nothing_is_held()

    @precondition(lambda self: self.pairs)
    @rule(way=WAYS, call=st.integers(0, 6))
    def run_out_of_memory(self, way, call):
        whole, calls = computing.head_wise, iter(range(10**6))

        def out_of_memory(*args, **kwargs):
            if next(calls) == call:
                raise torch.cuda.OutOfMemoryError("here")
            return whole(*args, **kwargs)

        computing.head_wise = out_of_memory
        try:
            made = sampling.sample(self.model, FAMILY, sampling.WAYS[way], steps=STEPS)
        finally:
            computing.head_wise = whole
        assert torch.isfinite(made).all()
        self._nothing_is_held()

    def _plan(self, heads):
        assert HostModel.of(self.base).identity.heads == len(heads)
        return hand_plan(self.base, FAMILY, list(heads))

    def _nothing_is_held(self):
        found = attached(self.model)
        assert found is None or (found.run, found.processor, found.forward) == (None, None, None)

    def teardown(self):
        """A run more leaves no tensor behind."""
        if self.pairs:
            sampling.sample(self.model, FAMILY, sampling.Sampled(), steps=STEPS)
            before = tiny.live_tensors()
            sampling.sample(self.model, FAMILY, sampling.Sampled(), steps=STEPS)
            assert tiny.live_tensors() == before


Graph.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=7,
    deadline=None,
    derandomize=EXAMPLES <= 2,
    suppress_health_check=list(HealthCheck),
)
test_random_graphs_of_nodes_are_what_the_oracle_says = Graph.TestCase
