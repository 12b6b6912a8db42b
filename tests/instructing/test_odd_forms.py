"""Forms that are odd but do occur: each was written down before the parser had seen it."""

import pytest

from fanno_hf.instructing.parsing import parse_instruction

ODD = [
    # (completion, instruction, input, kind)
    ("Instruction\n===========\nName a knot.\n\nInput\n=====\nnone", "Name a knot.", "", ""),
    ("__Instruction__: Name a knot.\n__Input__: rope", "Name a knot.", "rope", ""),
    ("🧵 **Task:** Name a knot.\n📦 **Input:** rope", "Name a knot.", "rope", ""),
    ("INSTRUCTION:\n\nName a knot.\n\nINPUT:\n\nrope, cord", "Name a knot.", "rope, cord", ""),
    ("【指令】给这首诗起个题目。\n【输入】床边一盏灯", "给这首诗起个题目。", "床边一盏灯", ""),
    ("> **Instruction:** Name a knot.\n>\n> **Input:** rope", "Name a knot.", "rope", ""),
    ("1. **Instruction:** Name a knot.\n2. **Input:** rope", "Name a knot.", "rope", ""),
    ("{'instruction': 'Name a sailor\\'s knot.', 'input': None}", "Name a sailor's knot.", "", ""),
    ('{instruction: "Name a knot.", input: "rope"}', "Name a knot.", "rope", ""),
    ("{“instruction”: “Name a knot.”, “input”: “rope”}", "Name a knot.", "rope", ""),
    ('{"task": {"instruction": "Name a knot.", "input": "rope"}}', "Name a knot.", "rope", ""),
    ('{"task_type": "naming", "question": "Which knot slips?", "difficulty": 3}', "Which knot slips?", "", "naming"),
    ('{"instruction": "Name a knot that holds a sh', "Name a knot that holds a sh", "", ""),
    ('{"instruction": "Fill it in.", "input": {"knot": "?"}}', "Fill it in.", '{\n  "knot": "?"\n}', ""),
    ("```\nInstruction: Name a knot.\nInput: rope\n```", "Name a knot.", "rope", ""),
    ("```markdown\n## Task\nName a knot.\n```", "Name a knot.", "", ""),
    ("<task>Name a knot.</task>", "Name a knot.", "", ""),
    ("<response>\n<instruction>Name a knot.</instruction>\n<input></input>\n</response>", "Name a knot.", "", ""),
    (
        '<instruction>Mend the form.</instruction>\n<input><input type="text"></input>',
        "Mend the form.",
        '<input type="text">',
        "",
    ),
    ("Input: rope, string\nInstruction: Name the stronger one.", "Name the stronger one.", "rope, string", ""),
    ("Name the knot.\n\n**Input:** Around a pole, twice.", "Name the knot.", "Around a pole, twice.", ""),
    ("Q: Which knot slips?\nA: The noose.", "Which knot slips?", "", ""),
    ("Sure thing! Here you go:\n\nName a knot.", "Name a knot.", "", ""),
    ("Okay, here's a task for you:\nName a knot.\n\nWould you like another one?", "Name a knot.", "", ""),
    ("Here are two questions you could ask:\n\n- Which knot slips?\n- Which knot holds?", "Which knot slips?", "", ""),
    ("**Question:** Which knot slips?\n\n**Rationale:** It makes one think.", "Which knot slips?", "", ""),
    ("Which knot slips?\n\nAnswer:\nThe noose.\n\nExplanation: it is open.", "Which knot slips?", "", ""),
    ("Which knot slips?\n\n## Solution\n\nThe noose.", "Which knot slips?", "", ""),
    (
        "Instruction: Tie it.\nInput: $ tie --knot\nOutput: ERROR no rope",
        "Tie it.",
        "$ tie --knot\nOutput: ERROR no rope",
        "",
    ),
    ("Type: haiku\nTopic: knots\n\nWrite one.", "Type: haiku\nTopic: knots\n\nWrite one.", "", ""),
    ("Kind of task: poem\n\nWrite a haiku on knots.", "Write a haiku on knots.", "", "poem"),
    ("Explain this:\n\n    Input: 3\n    Output: 9", "Explain this:\n\n    Input: 3\n    Output: 9", "", ""),
    ("Write a program.\n\nInput: n\nOutput: n + 1", "Write a program.\n\nInput: n\nOutput: n + 1", "", ""),
    ("Absolutely agree or disagree: knots are art.", "Absolutely agree or disagree: knots are art.", "", ""),
    ("Sure, knots are old. But how old?", "Sure, knots are old. But how old?", "", ""),
    (
        'Proofread: "Me knots"\n\nLet me know if it is fine.',
        'Proofread: "Me knots"\n\nLet me know if it is fine.',
        "",
        "",
    ),
    ("## The knot fair\n\nWrite its poster.", "## The knot fair\n\nWrite its poster.", "", ""),
    ("**Context:** A ship.\n\n**Task:** Name a knot.", "**Context:** A ship.\n\n**Task:** Name a knot.", "", ""),
    ("Aufgabe 2: Nenne einen Knoten.\nEingabe: -\nAusgabe: Palstek", "Nenne einen Knoten.", "", ""),
    ("Instruction: Judge it.\n\nReview: Fine rope.\n\nInput: None", "Judge it.\n\nReview: Fine rope.", "", ""),
    ("*Instruction*: Name a knot.\r\n*Input*: rope\r\n", "Name a knot.", "rope", ""),
    ("Voici une question basée sur le texte : Quel nœud glisse ?", "Quel nœud glisse ?", "", ""),
    ("以下は質問です：\n\n1. どの結び目が滑りますか。", "どの結び目が滑りますか。", "", ""),
    ("Name a knot.\n\n---\n\nOutput:\nThe bowline.", "Name a knot.", "", ""),
]


@pytest.mark.parametrize(("completion", "instruction", "data", "kind"), ODD)
def test_odd_form_comes_through(completion, instruction, data, kind):
    found = parse_instruction(completion)
    assert (found.instruction, found.input, found.kind) == (instruction, data, kind)


@pytest.mark.parametrize(
    "task",
    [
        'Here is a question from a customer:\n\n"Where is my flour?"\n\nDraft a polite reply.',
        "Here are some instructions for assembling a shelf:\n\n1. Open the box.\n2. Find the screws.\n\nShorten them.",
        'The following question was asked in an exam: "Why do mills burn?" Write a marking scheme.',
        "Rate this answer.\n\nAnswer: Mills burn because of dust.",
        "Find the error.\n\nProblem: 3x = 9\nSolution: x = 2",
        "Compare the translations.\n\nSource: Mühle\nOutput A: mill\nOutput B: grinder",
        "Create a quiz about mills. Use this format:\n\nQuestion: …\nAnswer: …",
        "Write a poem about this list:\n\n1. mill\n2. fire\n\n---\n\nKeep it short.",
        "**Write a poem** about a mill.\n\n**Do not** rhyme.",
        "so what's the deal with mills??\nthey keep burning\n\nany ideas",
        "Review the code.\n\n```\nInput: 3\nOutput: 4\n```\n\n```\nAnswer: 4\n```",
    ],
)
def test_a_task_that_looks_like_wrapping_stays_whole(task):
    assert parse_instruction(task).instruction == task
