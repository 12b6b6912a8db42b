"""Instructions that only look like a fault, which the default rules keep."""

import pytest

from fanno_hf.rules.instruction import Candidate, InstructionRules
from tests.rules.sets import profile

RULES = InstructionRules(profile("default"))
LOOK_ALIKES = [  # a named work, a page of one's own, words to be reworded, templates to work on, further lines that are material
    ('What does the poet mean in Ozymandias by "Look on my works"?', ""),
    ("Give the main idea of the story of Icarus in one line.", ""),
    ("What is shown in the picture The Night Watch?", ""),
    ("Der Text auf meiner Website ist zu klein, wie ändere ich das in CSS?", ""),
    ("Dans le document Word, comment insérer une note ?", ""),
    ("Could you give me more information about composting bones?", ""),
    ("Provide the text of a birthday card for my aunt.", ""),
    ("I'm sorry, but I cannot create the slides in time. Word this better for my boss.", ""),
    ("I will write a question on the board; suggest one for seven-year-olds.", ""),
    ("Write a function that returns the sum of the following digits of a number n.", ""),
    ("What does [INST] mean in a Llama 2 prompt?", ""),
    ("Why does {{ text }} print nothing in my Vue template?", ""),
    ("Write a mail template with the placeholders [Name] and [Topic].", ""),
    ("Es tut mir leid, aber ich kann am Freitag nicht kommen. Formuliere das höflicher.", ""),
    ("Je suis désolé, mais je ne peux pas venir. Rends cela plus poli.", ""),
    ("Lo siento, pero no puedo ir. Escríbelo de forma más cortés.", ""),
    ("对不起，我不能参加会议。请把这句话改得更礼貌。", ""),
    ("Could you provide more details on how locks work?", ""),
    ("According to the text below, who came?\n\nAnna came late.", ""),
    ("Translate the following sentence:\nKeep the tone.", ""),
    ("How do I make pancakes from the following:\n- two eggs\n- one cup of milk", ""),
    ("Sort the following words.\n- apple\n- pear", ""),
    (
        "Summarise the article.\nMax 50 words.\n\nThe dam leaked in spring because the clay had dried out over a long summer without rain.",
        "",
    ),
    ("What is meant by [your name] in a form?", ""),
    ("El texto en mi página web es muy pequeño, ¿cómo lo cambio en CSS?", ""),
    ("Explain what this prompt does.", "[INST] Tell me a joke [/INST]"),
    ("Rewrite the prompt.", "### Instruction:\nName a moss.\n### Response:"),
    ("What does this template print?", "<p>{{ text }}</p>"),
    ("Correct the form letter.", "Dear Ann, you are [insert age here] years old today."),
    ("Explain the template.", "{{ text }}"),
    ("I am unable to access my account. What do I do?", ""),
    ("Use the following colours in a logo: red, blue.", ""),
    ("What is the user interface of a lift?", ""),
    ("Translate the following sentence.\n\nThe dam leaked.", ""),
    ("Rewrite the mail below.\n\nHey Ann, send me the stuff.", ""),
    ("Which causes of the war are given by the author of Mein Leben?", ""),
    ("Make a prompt for an image of moss.", ""),
    ("Sort these words.\nuse\nkeep\navoid", ""),
    ("Fix the grammar in the text below.\nHe go home.", ""),
    ("Write a haiku.\nUse no verb.", ""),
    ("Write about the text editor Vim.\nKeep it short.", ""),
    ("A question about moss: why is it green?", ""),
    ("Solve the following.\n\n3x + 5 = 20", ""),
    ("Turn the following notes into a mail.\n- boss ill\n- meeting moved", ""),
    ("Answer in one word.\n\nWhat is the capital of Peru?", ""),
    ("Who wins in the following game?\nA: rock\nB: paper", ""),
    ("Which of these is a mammal?\nuse one word.\nbat, eel, hen", ""),
]


@pytest.mark.parametrize(("instruction", "input_"), LOOK_ALIKES)
def test_default_keeps_what_only_looks_like_a_fault(instruction, input_):
    assert RULES.reason(Candidate(instruction, input_)) is None
