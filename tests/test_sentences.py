"""Sentences know what they were made of, all the way to the editor, and translators have a list of all of them."""

import ast
import copy
import json
import re

import catalogue
import pytest
from product_code import FILES, name_of, tree_of

from ditfastattn.plans import Refusal, loads
from ditfastattn.sentences import CALIBRATE_AGAIN, Sentence, clause, payload, say, together

# Calls that put a sentence before users, by the number of the argument that is one.
TELLING = {"note": 0, "Refusal": 0, "PlanRefused": 0, "PlanError": 0, "CalibrationError": 0, "NotCovered": 0}
PLACE = re.compile(r"\{(\w+)\}")


def filled(told: dict) -> str:
    """As the editor does it."""
    values = {name: filled(value) if isinstance(value, dict) else f"{value}" for name, value in told["values"].items()}
    return told["text"] if told["key"] is None else PLACE.sub(lambda place: values[place[1]], told["key"])


def test_a_sentence_is_the_string_that_it_says_and_keeps_its_parts():
    inner = say("{level} is wrong", level="D9")
    whole = say("{count} levels: {why}.", count=2, why=inner)
    assert whole == "2 levels: D9 is wrong." and f"{whole}" == whole
    told = payload(whole)
    assert told["key"] == "{count} levels: {why}." and told["values"]["why"]["values"] == {"level": "D9"}
    assert filled(json.loads(json.dumps(told))) == told["text"] == whole


def test_a_value_with_braces_in_it_is_no_place():
    assert say("It says {error}.", error="{level} 50%s") == "It says {level} 50%s."


def test_an_exception_and_a_copy_keep_what_a_sentence_is_made_of():
    sentence = say("No {thing}.", thing="plan").cured_by(CALIBRATE_AGAIN)
    for same in (str(ValueError(sentence)), copy.deepcopy(sentence), str(sentence)):
        assert payload(same) == payload(sentence) and payload(same)["cure"] == CALIBRATE_AGAIN


def test_sentences_one_after_another_keep_their_parts_and_the_cure():
    first, second = say("One."), say("{count}.", count=2).cured_by(CALIBRATE_AGAIN)
    both = together(first, "", second)
    assert both == "One. 2." and filled(payload(both)) == both and payload(both)["cure"] == CALIBRATE_AGAIN
    assert together("", first) is first and together() == ""


def test_a_sentence_inside_another_loses_its_full_stop_alone():
    inside = clause(ValueError(say("It broke at {step}.", step=3)))
    assert inside == "It broke at 3" and payload(inside)["key"] == "It broke at {step}"
    assert clause(ValueError("no reason.")) == "no reason"


def test_what_is_not_ours_has_a_text_and_no_template():
    assert payload("CUDA error") == {"text": "CUDA error", "key": None, "values": {}}


@pytest.mark.parametrize("text", ["", "{", '{"schema": "x"}', "[" * 99, '{"schema": "ditfastattn.plan/999"}'])
def test_a_refused_plan_can_be_refused_in_another_language(text):
    refusal = loads(text)
    assert isinstance(refusal, Refusal) and payload(refusal.reason)["key"] in catalogue.templates()


def test_the_list_for_translators_is_that_of_the_code():
    assert catalogue.ENGLISH.read_text("utf-8") == catalogue.english(), "run python tests/catalogue.py"
    assert len(catalogue.templates()) > 100


def calls():
    """(file, call, name, argument) of every call that says something."""
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                number = {**catalogue.SAYING, **TELLING}.get(name)
                if number is not None and len(node.args) > number:
                    yield path, node, name, node.args[number]


def test_every_place_of_a_template_gets_a_value():
    for path, node, name, template in calls():
        if (
            name in catalogue.SAYING
            and isinstance(template, ast.Constant)
            and None not in [k.arg for k in node.keywords]
        ):
            given = {keyword.arg for keyword in node.keywords}
            assert given == set(PLACE.findall(template.value)), f"{name_of(path)}, line {node.lineno}"


def test_nothing_is_said_that_cannot_be_translated():
    """A bare text, formatted or not, has lost its template before anyone can look it up."""
    bare = [
        f"{name_of(path)}, line {node.lineno}"
        for path, node, name, told in calls()
        if name in TELLING and (isinstance(told, ast.JoinedStr) or isinstance(told, ast.Constant))
    ]
    assert bare == []


def test_a_sentence_cannot_lose_its_kind_by_being_said_again():
    assert isinstance(str(say("One.")), Sentence)
