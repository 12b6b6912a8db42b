"""A form is split at its labels; a task that has labels of its own stays whole."""

from tests.parsing.cases import assert_meant, cases, unchanged


@cases(
    ("Instruction\n===========\nName a knot.\n\nInput\n=====\nnone", "Name a knot."),
    ("__Instruction__: Name a knot.\n__Input__: rope", "Name a knot.", "rope"),
    ("🧵 **Task:** Name a knot.\n📦 **Input:** rope", "Name a knot.", "rope"),
    ("INSTRUCTION:\n\nName a knot.\n\nINPUT:\n\nrope, cord", "Name a knot.", "rope, cord"),
    ("【指令】给这首诗起个题目。\n【输入】床边一盏灯", "给这首诗起个题目。", "床边一盏灯"),
    ("**Instruction** – Name a knot.\n**Input** – rope", "Name a knot.", "rope"),
    ("1. **Instruction:** Name a knot.\n2. **Input:** rope", "Name a knot.", "rope"),
    ("*Instruction*: Name a knot.\r\n*Input*: rope\r\n", "Name a knot.", "rope"),
    ("Input: rope, string\nInstruction: Name the stronger one.", "Name the stronger one.", "rope, string"),
    ("Name the knot.\n\n**Input:** Around a pole, twice.", "Name the knot.", "Around a pole, twice."),
    ("Aufgabe 2: Nenne einen Knoten.\nEingabe: -\nAusgabe: Palstek", "Nenne einen Knoten."),
    ("Anfrage: Nenne einen Knoten.\nEingabe: keine", "Nenne einen Knoten."),
    ("종류: 이름\n지시: 매듭을 말해 줘.\n입력: 없음", "매듭을 말해 줘.", "", "이름"),
    ("Soort: naam\nInstructie: Noem een knoop.\nInvoer: touw", "Noem een knoop.", "touw", "naam"),
    ("Rodzaj: nazwa\nInstrukcja: Nazwij węzeł.\nWejście: lina", "Nazwij węzeł.", "lina", "nazwa"),
    ("प्रकार: नाम\nअनुरोध: एक गाँठ बताओ।\nइनपुट: कोई नहीं", "एक गाँठ बताओ।", "", "नाम"),
    ("## Task\n\n**Instruction:** Name a knot.\n\n**Input:** rope", "Name a knot.", "rope"),
    ("task_type: name\ninstruction: Name a knot.\ninput: rope", "Name a knot.", "rope", "name"),
    ("# Generated task\n\n**Instruction:** Name a knot.", "Name a knot."),
    ("**Knots at sea**\n\n**Instruction:** Name a knot.", "Name a knot."),
    ("The instruction below meets all of your demands.\n\n**Instruction:** Name a knot.", "Name a knot."),
)
def test_form_is_split(case):
    assert_meant(*case)


@cases(
    ("Kind of task: poem\n\nWrite a haiku on knots.", "Write a haiku on knots.", "", "poem"),
    ("Type: poem\nTask: Write a haiku on knots.", "Write a haiku on knots.", "", "poem"),
    ("Kind: advice", "", "", "advice"),
    ("Kind: advice\nInput: none", "", "", "advice"),
    ("Kind: advice\nInput: none\n\nName a knot.", "Name a knot.", "", "advice"),
    ("Input: none", ""),
    ("Input:", ""),
    ("**Input:** none\n\nName a knot.", "Name a knot."),
    ("Name a knot.\n\nKind of task: name", "Name a knot.", "", "name"),
    ("Name a knot.\n\n**Kind of task:** name", "Name a knot.", "", "name"),
)
def test_kind_or_empty_input_in_front_or_behind(case):
    assert_meant(*case)


@cases(
    ("Q: Which knot slips?\nA: The noose.", "Which knot slips?"),
    ("How do mosses drink?\n\nAnswer: Through their leaves.", "How do mosses drink?"),
    ("How do mosses drink?\nOutput: leaves", "How do mosses drink?"),
    ("**Question:** Which knot slips?\n\n**Rationale:** It makes one think.", "Which knot slips?"),
    ("Which knot slips?\n\nAnswer:\nThe noose.\n\nExplanation: it is open.", "Which knot slips?"),
    ("Which knot slips?\n\n## Solution\n\nThe noose.", "Which knot slips?"),
    ("Name a knot.\n\n---\n\nOutput:\nThe bowline.", "Name a knot."),
    ("Instruction: Judge it.\n\nReview: Fine rope.\n\nInput: None", "Judge it.\n\nReview: Fine rope."),
    ("Classify it.\nInput: The moss is lovely.\nOutput: positive", "Classify it.", "The moss is lovely."),
    ("Task 1: Name a knot.\nTask 2: Name a rope.", "Name a knot."),
)
def test_answer_that_nobody_asked_for_goes(case):
    assert_meant(*case)


@cases(
    ("Instruction: Tie it.\nInput: $ tie\nOutput: ERROR no rope", "Tie it.", "$ tie\nOutput: ERROR no rope"),
    ("Instruction: Name a moss.\nInput: Peat, bog\nand fen.", "Name a moss.", "Peat, bog\nand fen."),
    ("Task: Mark it.\nInput:\nQuestion: 2 + 2?\nAnswer: 5", "Mark it.", "Question: 2 + 2?\nAnswer: 5"),
)
def test_label_inside_an_input_is_data(case):
    assert_meant(*case)


@unchanged(
    "Translate the following sentence into German:\n\nThe moss is green.",
    "Find the error in the code below.\n\ndef f(:\n    pass",
    "Rewrite the instructions below in a friendly tone.\n\nInstructions: Tie it, then pull.",
    "Type: haiku\nTopic: knots\n\nWrite one.",
    "Explain this:\n\n    Input: 3\n    Output: 9",
    "Write a program.\n\nInput: n\nOutput: n + 1",
    "**Context:** A ship.\n\n**Task:** Name a knot.",
    "Rate this answer.\n\nAnswer: Mills burn because of dust.",
    "Find the error.\n\nProblem: 3x = 9\nSolution: x = 2",
    "Compare the translations.\n\nSource: Mühle\nOutput A: mill\nOutput B: grinder",
    "Create a quiz about mills. Use this format:\n\nQuestion: …\nAnswer: …",
    "Find the price.\n\nDemand: Q = 10 - P\nSupply: Q = P",
    "Demand: lower rents\n\nWrite a letter.",
    "Write an advert.\n\nType: poster\nStyle: retro\nTone: warm",
    "Write a program that prints primes.\n\nNo input is needed.",
    "Input: none\nOutput: 7\n\nWhich program prints this?",
    "Review the code.\n\n```\nInput: 3\nOutput: 4\n```\n\n```\nAnswer: 4\n```",
    "Complete the story.\n\nTask – that was the word he hated.\nAnswer – the other one.",
)
def test_task_with_labels_of_its_own_stays_whole(case):
    assert_meant(*case)
