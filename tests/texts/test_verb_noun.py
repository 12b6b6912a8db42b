"""Pairs by the rules in the module's docstring; every row is one rule, or one of its exceptions."""

import time

import pytest

from fanno_hf.texts.verb_noun import singular, verb_noun

IMPERATIVES = {
    "Write a short story of four sentences about tides.": "write story",
    "List three reasons why moss dries": "list reason",
    "Describe Newton's second law.": "describe law",
    "Name the main energy source of cells.": "name source",
    "EXPLAIN THE PROCESS OF PHOTOSYNTHESIS.": "explain process",
    "Write a clear, concise summary of the plot.": "write summary",
    "Give a short and simple definition of osmosis.": "give definition",
    "Summarise the steps involved in brewing tea.": "summarise step",
    "Explain the way bees dance.": "explain way",
    "Tell me a story about a lighthouse.": "tell story",
    "Help me write a letter to my landlord.": "write letter",
    "List three of the most common birds in Europe.": "list bird",
    "Describe a decision-making process.": "describe process",
    "Name the world's tallest trees.": "name tree",
    "Compare story with second and name two differences.": "compare story",
    "Compare and contrast the two theories.": "compare theory",
    "Read, summarise and criticise the speech.": "read speech",
    "Write down five questions for a shepherd.": "write question",
    "Sauté the onions until they are golden.": None,  # the verb is not plain letters
    "Caramelise the onions until they are golden.": "caramelise onion",
    'Define the term "photosynthesis".': "define term",
    'Define "photosynthesis" in one sentence.': "define photosynthesis",
    "Do the exercise twice.": "do exercise",
    "Describe Dr. Watson's method.": "describe method",
    "Evaluate ethics and law in medicine.": "evaluate ethics",
    "Describe the café on the corner of the square.": "describe café",
}
LEAD_INS = {
    "In two sentences, explain the difference between a and b": "explain difference",
    "In two sentences describe the moon": "describe moon",
    "Explain in two sentences the difference between a and b.": "explain difference",
    "Describe, in your own words, the water cycle.": "describe cycle",
    "Using an example, describe the greenhouse effect.": "describe effect",
    "As a biologist, a writer and a cook, design an experiment on yeast.": "design experiment",
    "Please briefly list the planets.": "list planet",
    "1. Outline the argument.": "outline argument",
    "- **Rank** the cities by size.": None,  # marks inside the text are no words
    "Imagine you are a king. Write a decree about bread.": "write decree",
    "Imagine a world without bees.": "imagine world",
    "Moss has no roots. Name two consequences of this.": "name consequence",
    "I want you to write a poem about rain.": "write poem",
    "Your task is to classify the animals by diet.": "classify animal",
    "Question: What is the capital of Chad?": "be capital",
}
QUESTIONS = {
    "What is the purpose of the chamber?": "be purpose",
    "What's the most important thing about sleep?": "be thing",
    "What is a process that is executed by a server?": "be process",
    "What were the reasons given by the council?": "be reason",
    "How many moons are there?": "be moon",
    "Is the moon a planet?": "be moon",
    "Why is moss important for forests?": "be moss",
    "How is bread made in Egypt?": "make bread",
    "How is the speed of sound measured?": "measure speed",
    "Which gas is produced by yeast?": "produce gas",
    "How can old tyres be used in a garden?": "use tyre",
    "What causes tides?": "cause tide",
    "Who discovered the circulation of blood?": "discover circulation",
    "What factors influence the climate of an island?": "influence climate",
    "How do honey bees tell their nestmates the direction": "tell nestmate",
    "How does the colour of moss affect its growth?": "affect growth",
    "How does climate change affect the birds of Norway?": "affect bird",
    "How can I improve my sleep?": "improve sleep",
    "How many legs does a spider have?": "have leg",
    "What kind of soil do mosses need?": "need kind",
    "In which year did Tesla build the motor?": "build motor",
    "How has trade changed the city?": "change city",
    "Could you please list the rivers of Peru?": "list river",
    "If the well dries up, how do villagers find water?": "find water",
}
WITHOUT_A_NOUN = [
    "Explain how mosses drink.",
    "Describe what happens.",
    "Write about tides.",
    "Explain it to a child.",
    "How does moss drink?",
    "What do mosses know about rain?",
    "What would happen to moss if rain were removed?",
    "Why not?",
    "Explain 42.",
    "Explain C++.",
    "Do not write a story.",
    "Moss has no roots.",
    "Change is hard.",
    "Research shows that moss dries.",
    "The guard matches the case, which is the second statement.",
    "",
    " \n\t",
    "?!... ,,, ''",
    "\x00\U000103ff",
]
OTHER_LANGUAGES = [
    "Describe los musgos del bosque.",
    "Define la fotosíntesis.",
    "Cite tres obras.",
    "Compare les mousses et les fougères.",
    "Explique a teoria do caos.",
    "Nenne drei Gründe, warum Moos trocknet.",
    "Beschreibe das Moos in zwei Sätzen.",
    "苔について短い物語を書いてください。",
    "Describe 東京",
    "Опиши мох в двух предложениях.",
    "اكتب قصة قصيرة عن المد والجزر.",
    "काई पर एक छोटी कहानी लिखो।",
]


@pytest.mark.parametrize(("instruction", "pair"), (IMPERATIVES | LEAD_INS | QUESTIONS).items())
def test_verb_and_noun(instruction, pair):
    assert verb_noun(instruction) == (tuple(pair.split()) if pair else None)


@pytest.mark.parametrize("instruction", WITHOUT_A_NOUN + OTHER_LANGUAGES)
def test_none_rather_than_rubbish(instruction):
    assert verb_noun(instruction) is None


SINGULARS = """stories story, classes class, analyses analysis, boxes box, buses bus, viruses virus, uses use,
    causes cause, houses house, rules rule, cases case, gases gas, ideas idea, photos photo, tomatoes tomato, shoes shoe,
    ties tie, movies movie, leaves leaf, caves cave, women woman, criteria criterion, phases phase, days day,
    gas gas, physics physics, series series, bus bus, process process, lens lens, crisis crisis, mars mars"""


@pytest.mark.parametrize("row", SINGULARS.split(","))
def test_singular(row):
    plural, expected = row.split()
    assert singular(plural) == expected


@pytest.mark.parametrize(
    "unit",
    ["a", "a ", "List ", "the ", "of ", ", ", "and ", "'", '"a', "a'a-", "- ", "1. ", "\n", "\n \n", " ", "help me ", "write, ",
     "in a, ", "what ", "how does ", "is not ", ". ", "\ufdfa", "e\u0301", "\ud800", "苔", "1,2.", "twoly ", "how many ", "of which "],
)  # fmt: skip
@pytest.mark.parametrize("opening", ["", "Write ", "How does ", "What is "])
def test_hostile_text_is_fast_and_gives_clean_words(unit, opening):
    started = time.process_time()
    pair = verb_noun(opening + unit * (1_000_000 // len(unit)))
    assert time.process_time() - started < 1
    assert pair is None or (len(pair) == 2 and all(word.isalpha() and word == word.lower() for word in pair))
