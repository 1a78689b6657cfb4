"""One node in the official templates: calibrated while they sample, compressed from the next run on.

At least one template of every combination of family, sampler node, guider, scheduler, in a subgraph or not, of the
families that templates use in most ways; `python dev.py bench templates` runs them all.
"""

import json
import logging
import sys
from pathlib import Path

import pytest

from host import tiny

tiny.require_host()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from templates import package, prompt  # noqa: E402
from templates.rows import row_of  # noqa: E402
from templates.run import Host  # noqa: E402

pytestmark = [pytest.mark.host, pytest.mark.slow]
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

# Those with the fewest steps of their combination.
CHOSEN = (
    "flux_canny_model_example.json",
    "flux_fill_inpaint_example.json",
    "flux_schnell.json",
    "flux_dev_full_text_to_image.json",
    "flux_redux_model_example.json",
    "image_flux2_text_to_image.json",
    "image_flux2_klein_9b_kv_image_edit.json",
    "image_flux2_klein_image_edit_4b_distilled.json",
    "image_longcat_text_to_image.json",
    "image_ovis_text_to_image.json",
    "sd3.5_large_depth.json",
    "sd3.5_simple_example.json",
    "sd3.5_large_blur.json",
    "video_bernini_r_image_editing.json",
    "video_wan2_2_5B_ti2v.json",
    "image_chrono_edit_14B.json",
    "video_wan2_2_14B_fun_inpaint.json",
    "templates_mjm_looped_restyler.json",
    "video_wan2_1_infinitetalk.json",
)


@pytest.fixture(scope="module")
def host(comfyui):
    if package.folder() is None:
        pytest.skip("no official templates: run python dev.py test")
    with Host() as running:
        yield running


@pytest.fixture(scope="module")
def templates(host):
    """Every template that samples a covered model, by name."""
    found, unread = prompt.read_all(host)
    # Of nodes that the host lacks, or of services that no stand-in is declared for.
    assert all("This host has no node" in why for why in unread.values())
    return {template.name: template for template in found}


def combination(template):
    return tuple(value for name, value in template.facts().items() if name != "template")


def test_every_template_in_the_results_is_read(templates):
    rows = json.loads((BENCHMARKS / "results" / "templates-cpu.json").read_text("utf-8"))["rows"]
    assert {row["template"] for row in rows} <= set(templates)


def test_every_combination_of_the_chosen_families_has_a_template_that_is_run(templates):
    families = {templates[name].facts()["family"] for name in CHOSEN}
    these = [one for one in templates.values() if one.facts()["family"] in families]
    assert {combination(templates[name]) for name in CHOSEN} >= set(map(combination, these))


@pytest.mark.parametrize("name", CHOSEN)
def test_a_template_is_calibrated_as_it_samples_and_compressed_from_then_on(name, host, templates, caplog):
    caplog.set_level(logging.CRITICAL)
    row = row_of(host, templates[name])
    wanted = ("calibrated", "compressed", "first_run_bits_equal", "shared")
    assert [one for one in wanted if not row[one]] == [], row["reason"]
