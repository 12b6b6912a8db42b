"""One row a behaviour: what each rule drops, and what a substring match would have dropped by mistake."""

from pathlib import Path

import pytest
import yaml

from fanno_hf.rules.instruction import Candidate, InstructionRules

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "conf/rules/default.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rules():
    return InstructionRules(CONFIG)


@pytest.mark.parametrize(
    "instruction",
    [
        "What do mosses know about rain?",
        "Explain the context in which the tournament was founded.",
        "Describe how snow forms and name three kinds of it.",
        "Write a text of 100 words about mosses.",
        "Compare passages in Bach with passages in Mozart.",
        "If a train leaves at 9:40 and travels 150 km at 60 km/h, when does it arrive?",
        "A train leaves at 9:40 and travels 150 km at 60 km/h. Calculate when it arrives.",
        "In two sentences, explain why mosses need no roots.",
        "Given a list of numbers, return the mean of each window of size three.",
        "Please summarise the Treaty of Tordesillas.",
        "Imagine you are a moss; how would you drink?",
        "Beschreibe, wie Moose Wasser aufnehmen.",
        "Wie nehmen Moose Wasser auf?",
        "Explica cómo los musgos absorben el agua.",
        "¿Cómo absorben los musgos el agua?",
        "苔はどのように水を吸収しますか？",
        "Объясните, как мхи впитывают воду.",
        "Translate this sentence into German: 'The moss is green and soft.'",
        "Who wrote the letter to the king of Portugal in 1494?",
        "What is the story behind the Rosetta stone?",
        "Where is the source of the Danube?",
        "What is the aim of the book 'Peat: A History' and of its sequel?",
        "Suppose you are an assistant in a museum: how would you show mosses?",
    ],
)
def test_kept(rules, instruction):
    assert rules.reason(Candidate(instruction)) is None


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("", "empty"),
        ("…", "empty"),
        ("What are mosses according to the passage?", "refers_to_document"),
        ("Summarise the text above in one sentence.", "refers_to_document"),
        ("Summarize the given article.", "refers_to_document"),
        ("How does the story end?", "refers_to_document"),
        ("Was sagt der Text über Moose?", "refers_to_document"),
        ("¿Qué dice el texto sobre los musgos?", "refers_to_document"),
        ("この文章を要約してください。", "refers_to_document"),
        ("What is the price of bread today?", "time_relative"),
        ("What happened to the council last week?", "time_relative"),
        ("Was kostet Brot heute?", "time_relative"),
        ("Describe moss", "too_short"),
        ("Explain " + "moss " * 130, "too_long"),
        ("Mosses are small plants that grow in damp places.", "not_an_instruction"),
        ("A piano uses two fifths per octave.", "not_an_instruction"),
        ("Die Moose sind kleine Pflanzen und wachsen im Schatten.", "not_an_instruction"),
        ("As an AI language model I have a question for you?", "talks_to_assistant"),
        ("How can I help you with mosses?", "talks_to_assistant"),
        ("The question is about mosses and their leaves?", "talks_to_assistant"),
        ("You're an AI assistant. Rewrite the names of the mosses.", "talks_to_assistant"),
        ("What does the source say about mosses?", "refers_to_document"),
        ("A cautionary tale: the moss that dried out.", "not_an_instruction"),
        ("Task type: code, write something about moss.", "talks_to_assistant"),
        ("Translate the following sentence into German.", "missing_input"),
        ("What is the answer to this question?", "missing_input"),
        ("Translate this into Spanish.", "missing_input"),
        ("Complete the list of mosses:", "missing_input"),
    ],
)
def test_dropped(rules, instruction, reason):
    assert rules.reason(Candidate(instruction))[0] == reason


def test_input_makes_the_missing_input_good(rules):
    assert rules.reason(Candidate("Translate the following sentence into German.", input="Moss is green.")) is None


def test_cut_off_completion_is_truncated(rules):
    assert rules.reason(Candidate("How do mosses drink water", finish_reason="length"))[0] == "truncated"


def test_repeating_a_counterexample_is_named(rules):
    found = rules.reason(Candidate("How do mosses drink?", counterexamples=["How, do mosses drink!"]))
    assert found[0] == "repeats_counterexample"


def test_a_sentence_of_the_document_is_no_task(rules):
    sentence = "Explain that mosses have no true roots and take up water through their leaves in damp places"
    assert rules.reason(Candidate(sentence, document=f"{sentence}. More."))[0] == "copies_document"


def test_handing_back_a_demonstration_is_named(rules):
    example = "A small car uses 5 litres of petrol for 100 km. How much is that for 250 km?"
    found = rules.reason(
        Candidate("A small car uses 9 litres of petrol for 100 km. How much?", demonstrations=[example])
    )
    assert found[0] == "repeats_demonstration"


def test_an_instruction_that_only_names_its_kind_restates_its_tags(rules):
    found = rules.reason(Candidate("Write a sentiment task.", tags=["sentiment task", "takes creativity"]))
    assert found[0] == "restates_tags"


def test_an_instruction_with_a_subject_of_its_own_may_name_its_kind(rules):
    tags = ["summarisation task", "takes several steps of reasoning"]
    assert rules.reason(Candidate("Write a summarisation of the causes of tides.", tags=tags)) is None
