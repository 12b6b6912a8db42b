"""A sentence that announces an instruction comes off; a task that begins alike stays."""

from tests.parsing.cases import assert_meant, cases, unchanged


@cases(
    ("Sure! Here is a question:\n\n1. **How do mosses drink?**", "How do mosses drink?"),
    ("Certainly, here's one based on the notes: How do mosses drink?", "How do mosses drink?"),
    ("**Here is a question:**\n\nHow do mosses drink?", "How do mosses drink?"),
    ("**Here is a question:** **How do mosses drink?**", "How do mosses drink?"),
    ("**Here is a question: How do mosses drink?**", "How do mosses drink?"),
    ("**Question: How do mosses drink?**", "How do mosses drink?"),
    ("Sure! I'd like to offer this.\n\nHow do mosses drink?", "How do mosses drink?"),
    ("I've come up with a question:\n\nHow do mosses drink?", "How do mosses drink?"),
    ("Based on the text, I have a question:\n\nHow do mosses drink?", "How do mosses drink?"),
    ("Here are some possible tasks:\n\n- Compare moss and fern.", "Compare moss and fern."),
    ("Here are two questions you could ask:\n\n- Which knot slips?\n- Which knot holds?", "Which knot slips?"),
    ("One possible question could be: How do mosses drink?", "How do mosses drink?"),
    ("A question that fits the notes would be: How do mosses drink?", "How do mosses drink?"),
    ("The question is: How do mosses drink?", "How do mosses drink?"),
    ("Sure thing! Here you go:\n\nName a knot.", "Name a knot."),
    ("Okay, here's a task for you:\nName a knot.\n\nWould you like another one?", "Name a knot."),
    ("Claro, aquí tienes una pregunta: ¿Cómo beben los musgos?", "¿Cómo beben los musgos?"),
    ("Voici une question basée sur le texte : Quel nœud glisse ?", "Quel nœud glisse ?"),
    ("質問：苔はどうやって水を飲みますか。", "苔はどうやって水を飲みますか。"),
    ("以下は質問です：\n\n1. どの結び目が滑りますか。", "どの結び目が滑りますか。"),
    ("はい、指示はこちらです：\n\n結び目を挙げてください。", "結び目を挙げてください。"),
    ("요청하신 질문은 다음과 같습니다:\n\n어떤 매듭이 풀리나요?", "어떤 매듭이 풀리나요?"),
)
def test_announcement_comes_off(case):
    assert_meant(*case)


@unchanged(
    "Here's how you do it",
    'Here is a question from a customer:\n\n"Where is my flour?"\n\nDraft a polite reply.',
    "Here are some instructions for assembling a shelf:\n\n1. Open the box.\n2. Find the screws.\n\nShorten them.",
    'The following question was asked in an exam: "Why do mills burn?" Write a marking scheme.',
    "List all possible questions:\n\nWho ties a knot?",
    "this is a dumb question but why do mills burn??\nthere is no fire in them",
    "Absolutely agree or disagree: knots are art.",
    "Sure, knots are old. But how old?",
    "so what's the deal with mills??\nthey keep burning\n\nany ideas",
    "Here is my task. Sort the knots.",
)
def test_task_that_begins_like_an_announcement_stays(case):
    assert_meant(*case)
