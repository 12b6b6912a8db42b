"""One row a behaviour: what each rule drops, and what looks alike and must stay; first of the profile small, then of default."""

import time

import pytest

from fanno_hf.errors import UserError
from fanno_hf.rules.instruction import Candidate, InstructionRules
from tests.rules.sets import profile


@pytest.fixture(scope="module")
def small():
    return InstructionRules(profile("small"))


@pytest.fixture(scope="module")
def rules():
    return InstructionRules(profile("default"))


KEPT = {
    "small": [
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
    "rules": [  # languages without lists are not judged
        "Water is nat, maar waarom.",
        "Solen er en stjerne.",
        "Apa isi teks ini menurut penulis.",
        "السماء زرقاء.",
        "하늘은 파랗다.",
    ],
}


@pytest.mark.parametrize(("name", "instruction"), [(name, kept) for name, texts in KEPT.items() for kept in texts])
def test_an_instruction_stays(request, name, instruction):
    assert request.getfixturevalue(name).reason(Candidate(instruction)) is None


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
def test_small_drops(small, instruction, reason):
    assert small.reason(Candidate(instruction))[0] == reason


PAIRS = [  # reason, what it drops, and a neighbour that stays
    (
        "refers_to_document",
        "Summarise the text above in one sentence.",
        "Write a text about moss. The text should be short.",
    ),
    ("refers_to_document", "What does the source say about mosses?", "Where is the source of the Danube?"),
    (
        "refers_to_document",
        "Why is the merchant mentioned in the article?",
        "Read the source code of a web page for me.",
    ),
    ("refers_to_document", "How does the passage end?", "How long is the passage of the Panama Canal?"),
    (
        "refers_to_document",
        "According to the text, who came?",
        "According to the text below, who came?\n\nAnna came late.",
    ),
    ("refers_to_document", "What does the author suggest?", "How does the author of Moby-Dick use colours?"),
    ("refers_to_document", "Fasse den Text zusammen.", "Schreibe einen Text über Moos. Der Text soll kurz sein."),
    ("missing_input", "Translate the following sentence.", "Translate the following sentence: the moss is wet."),
    ("missing_input", "Sort the following numbers.", "Sort the following numbers 5 3 9 1."),
    ("missing_input", "Use the following words in a story.", "What happened in the following century?"),
    ("missing_input", "Rewrite it in a formal style.", 'Rewrite "moss is great" in a formal style.'),
    ("missing_input", "Complete the list of mosses:", "Complete the list of mosses: peat moss, …"),
    ("time_relative", "What is the latest version of Debian?", "What should I cook today?"),
    ("time_relative", "Who is currently the president of France?", "I can't sleep tonight. Any tips?"),
    ("talks_to_assistant", "How can I help you with mosses?", "How can I help my child with mosses?"),
    ("talks_to_assistant", "I'm sorry, but I can't write a question.", "I'm sorry for my English. What is a lock?"),
    (
        "talks_to_assistant",
        "I will now create a question about bees.",
        "I will name a word and you name its opposite: deep.",
    ),
    ("talks_to_assistant", "This question requires reasoning.", "This question puzzles me: why is the sky blue?"),
    ("unfilled_template", "Summarise [insert text here].", "Which of [3, 1, 2] is largest?"),
    ("unfilled_template", "Task type: code, write about moss.", "Task: write about moss."),
    ("unfilled_template", "What does {{ document }} say?", "What does {{ user.name }} print?"),
    ("not_an_instruction", "Mosses are small plants.", "Mosses are small plants?"),
    ("not_an_instruction", "The moss contains two kinds of cells.", "The best kinds of cheese for two"),
    ("not_an_instruction", "Yes, mosses need a lot of water.", "Yes or no: do mosses need water"),
    ("not_an_instruction", "It is the oldest bridge in the valley.", "It is raining and I am bored."),
    ("not_an_instruction", "Die Moose sind kleine Pflanzen.", "Die besten Gedichte über Moose"),
    ("truncated", "Explain how the treaty divided the", "Explain what the treaty is made of"),
    ("too_short", "Moss", "Define moss"),
]


@pytest.mark.parametrize(("reason", "dropped", "kept"), PAIRS)
def test_default_drops_one_and_keeps_its_neighbour(rules, reason, dropped, kept):
    assert (rules.reason(Candidate(dropped))[0], rules.reason(Candidate(kept))) == (reason, None)


@pytest.mark.parametrize(
    ("instruction", "input_"),
    [
        ("Summarise the text above.", "Mosses have no roots."),
        ("Translate the following sentence.", "good night"),
        ("What does this code do?", "print(1)"),
        ("Summarize", "The ferry was late because of fog."),
    ],
)
def test_an_input_is_what_an_instruction_refers_to(rules, instruction, input_):
    assert rules.reason(Candidate(instruction, input_)) is None


@pytest.mark.parametrize(("class_", "value"), [("pronouns", 5), ("pronouns", "it"), ("links", [1])])
def test_a_class_of_words_that_is_no_list_is_named(class_, value):
    config = profile("default")
    config["statements"]["en"][class_] = value
    with pytest.raises(UserError, match=f"^rules.statements.en.{class_}: must be a list of words"):
        InstructionRules(config)


def test_an_input_that_says_none_is_none(rules):
    assert rules.reason(Candidate("Translate the sentence.", "N/A"))[0] == "missing_input"


def test_facts_of_the_document_in_quotes_are_no_copy(rules):
    sentence = "mosses have no true roots and take up water through the whole surface of their leaves"
    assert rules.reason(Candidate(f'Say in plain words: "{sentence}"', document=sentence)) is None


def test_a_few_facts_of_the_document_in_a_longer_task_are_no_copy(rules):
    facts = "the treaty divided the newly discovered lands outside Europe between Portugal and Castile"
    task = f"In 1494 {facts}. Argue as an islander who was never asked, in a short speech of your own, why no king may do so."
    assert rules.reason(Candidate(task, document=facts)) is None


@pytest.mark.parametrize(
    "key", ["refers_to_document", "missing_input", "statements", "unfilled_template", "max_tag_words"]
)
def test_null_makes_no_check(key):
    found = {
        "refers_to_document": Candidate("What does the passage say?"),
        "missing_input": Candidate("Sort the following numbers."),
        "statements": Candidate("Mosses are small plants."),
        "unfilled_template": Candidate("Task type: code, write about moss."),
        "max_tag_words": Candidate("Write a sentiment task.", tags=["sentiment task"]),
    }[key]
    assert InstructionRules(profile("default")).reason(found) is not None
    assert InstructionRules({**profile("default"), key: None}).reason(found) is None


HOSTILE = [
    *(
        "a ",
        "the ",
        "the following ",
        "i cannot help ",
        '"',
        " '",
        "“",
        "`",
        "```",
        "$$",
        "|",
        " | ",
        "> ",
        "\n",
        "\n \n",
        "    \n",
    ),
    *(
        " ",
        ":",
        "?",
        "。",
        "1, ",
        "A) ",
        "[insert ",
        "{{ ",
        "<",
        "#",
        "let me know if you need ",
        "die ",
        "请",
        "これは",
        "mosses are ",
    ),
    *("as an ai ", "thank you ", "hi ", "\u0301", "\ud800", "in the ", "a-"),
]


@pytest.mark.parametrize("name", ["rules", "small"])
@pytest.mark.parametrize("unit", HOSTILE)
def test_long_hostile_texts_return_at_once(request, name, unit):
    text = unit * (12_000 // len(unit))
    tried = request.getfixturevalue(name)
    started = time.process_time()
    found = tried.reason(Candidate(f"{text}x?", document=text))
    assert found is None or all(isinstance(part, str) and part for part in found)
    assert time.process_time() - started < 10


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
