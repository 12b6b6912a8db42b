"""Responses: what each rule drops."""

import pytest

from fanno_hf.rules.response import ResponseRules
from tests.rules.sets import profile


@pytest.fixture(scope="module")
def small():
    return ResponseRules(profile("small"), min_words=2)


@pytest.fixture(scope="module")
def rules():
    return ResponseRules(profile("default"), min_words=1)


@pytest.mark.parametrize(
    ("response", "finish_reason", "reason"),
    [
        ("Mosses drink through their leaves.", "stop", None),
        ("Durch die Blätter, nicht durch Wurzeln.", "stop", None),
        ("", "stop", "empty"),
        (" … ", "stop", "empty"),
        ("Mosses drink through", "length", "truncated"),
        ("I'm sorry, but I cannot help with that.", "stop", "refusal"),
        ("As an AI language model, I have no opinion on moss.", "stop", "refusal"),
        ("Es tut mir leid, das weiß ich nicht.", "stop", "refusal"),
        ("The moss is a moss is a moss. " * 12, "stop", "repetition"),
        ("how do mosses drink", "stop", "repeats_instruction"),
        ("Yes.", "stop", "too_short"),
        (
            "Dear editor, the old mill burned down and nobody came to help, so we wrote down what was lost, room by room, "
            "and at the very end of the long list my brother added: I'm sorry.",
            "stop",
            None,
        ),
    ],
)
def test_small(small, response, finish_reason, reason):
    found = small.reason(response, finish_reason, "How do mosses drink?")
    assert (found and found[0]) == reason


PAIRS = [  # reason, what it drops, and a neighbour that stays
    ("empty", "---", "-1"),
    ("empty", " … ", "{}"),
    ("empty", "***", "🎉"),
    ("refusal", "I'm sorry, but I can't help with that.", "I'm sorry for your loss."),
    ("refusal", "I cannot help with that request.", "I can't help but love the sea."),
    ("refusal", "Unfortunately, I am unable to assist.", "Unfortunately, the mill burned down."),
    ("refusal", "As an AI, I have no opinion.", "As an AI researcher, she had no opinion."),
    ("refusal", "I don't have access to the passage.", "I don't have a favourite."),
    ("refusal", "I cannot answer this question.", "Dear Ann, I am sorry, but I cannot answer all letters."),
    ("refusal", "Please provide the text.", "Please provide your name at the desk."),
    ("refusal", "很抱歉，我无法回答这个问题。", "很抱歉，我昨天没来。"),
    ("refusal", "Es tut mir leid, ich kann das nicht.", "Es tut mir leid, dass das Paket zu spät kam."),
    ("repeats_instruction", "Explain how mosses drink water.", "Explain how mosses drink."),
    ("repetition", "The moss is wet. " * 20, "OK\n" * 8 + "BAD"),
    ("repetition", "very " * 60, "ha " * 8),
    ("repetition", "苔藓吸收水分。" * 20, "苔藓，苔藓，还是苔藓。"),
]


@pytest.mark.parametrize(("reason", "dropped", "kept"), PAIRS)
def test_default_drops_one_and_keeps_its_neighbour(rules, reason, dropped, kept):
    found = [rules.reason(text, "stop", "Explain how mosses drink water.") for text in (dropped, kept)]
    assert (found[0][0], found[1]) == (reason, None)


ROLES = [  # a role, a letter or an article declines, asks for or names something of its own
    "Es tut mir leid, aber ich kann am Freitag nicht kommen.",
    "Lo siento, no puedo ir el viernes.",
    "对不起，我不能参加周五的会议。",
    "Je suis désolé, mais je ne peux pas venir vendredi.",
    "Извините, но я не могу прийти в пятницу.",
    "Leider kann ich das nicht empfehlen: das Holz fault.",
    "Als KI bezeichnet man Programme, die lernen.",
    "I'm sorry I can't help you move on Saturday",
    "I'm sorry, I can't help you move on Saturday.",
    "I do not have access to the flat until May, so we must wait.",
    "Please provide the text of the contract by Friday.",
    "Thank you for your mail. Unfortunately, I cannot provide the documents before Monday.",
    "I'm sorry, but I cannot attend the meeting on Friday.",
    "I'm sorry, I don't have the ticket with me.",
    "Sorry, I can't make it tonight.",
    "Unfortunately, I cannot accept the offer.",
    "I must decline your kind invitation.",
    "I won't be able to come on Monday.",
    "I'm sorry, but I don't know the way to the station.",
    "Sure! Here is the email.",
    "Please provide more details about the flat's heating.",
    "I can't give you the keys before noon.",
    "I can't answer the phone while I drive.",
    "Leider kann ich Ihnen die Unterlagen nicht vor Montag geben.",
    "Mi dispiace, non posso venire venerdì.",
    "Sinto muito, não posso ir na sexta.",
    "申し訳ありませんが、金曜日の会議には参加できません。",
    "Как ИИ меняет медицину, видно по снимкам.",
    "Como IA se entiende un programa que aprende.",
    "The background of the painting is dark.",
    "Background noise is what you hear when nobody speaks.",
    "The background mentions of the war are brief.",
    "Please share the list of guests with Anna.",
    "I'm sorry, but I cannot open the door.",
    "对不起，我不能提供周五的会议记录。",
    "Je ne peux pas vous aider à déménager samedi.",
    "I'm sorry, but I can't give you a discount this month.",
    "Sorry, I can't answer for my brother.",
    "I can't write this letter without thinking of you.",
    "I cannot see the sea from here.",
    "I can't do this alone, said the fox.",
    "I can't do this anymore.",
    "I cannot open the file cabinet without a key.",
    "I will not share the bed with a cat.",
    "Sorry, I could not find the address.",
    "I don't know.",
    "Please send the list of guests to Anna.",
    "Please share your ideas with the team.",
    "No text was as famous as the Iliad.",
    "I do not have the ability to fly, said the penguin.",
    "I can't provide for my family.",
    "Bitte senden Sie den Artikel an die Redaktion.",
    "Je ne peux pas répondre au téléphone.",
    "No puedo responder al teléfono.",
    "Please attach the file to your mail.",
    "Please give me the list of names.",
    "We need the data by Friday.",
    "I can't help it.",
    "I can't help you if you don't tell me what hurts.",
    "I won't do it.",
    "We are sorry, but we cannot offer refunds.",
]


@pytest.mark.parametrize("response", ROLES)
def test_default_keeps_what_a_role_or_a_letter_says(rules, response):
    assert rules.reason(response, "stop") is None


def test_an_answer_may_be_the_input(rules):
    text = "The moss is green and soft."
    assert rules.reason(text, "stop", "Correct the sentence where it is wrong.", text) is None


def test_min_words_counts_words_of_every_script():
    rules = ResponseRules(profile("default"), min_words=2)
    assert [rules.reason(text, "stop") is None for text in ("Yes.", "はい", "二")] == [False, True, False]


@pytest.mark.parametrize("name", ["rules", "small"])
@pytest.mark.parametrize(
    "unit",
    [
        "thank you ",
        "hi ",
        "\u0301",
        "\ud800",
        "```",
        '"',
        "i'm sorry ",
        "background ",
        "based on the background ",
        "请",
        "\n",
        " | ",
    ],
)
def test_long_hostile_texts_return(request, name, unit):
    text = unit * (30_000 // len(unit))
    found = request.getfixturevalue(name).reason(text, "stop", text, text)
    assert found is None or all(isinstance(part, str) and part for part in found)
