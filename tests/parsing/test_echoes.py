"""What a teacher says again of its prompt comes off, and counts as a label."""

import pytest

from fanno_hf.parsing.instruction import parse_instruction


@pytest.mark.parametrize(
    "completion",
    [
        "Demand: short\nManner: polite\n\nName a knot.",
        "Kind of task: name\nDemand: short\n\nName a knot.",
        "Kind of task: name\nDemand: short\nManner: polite\n\nName a knot.",
        "Kind of task: name\nDemand: short\nManner: polite\nInstruction: Name a knot.",
        "Kind: name\nCharacteristic: short\nStyle: polite\nInstruction: Name a knot.",
        "Style: polite\nInstruction: Name a knot.",
        "Instruction: Name a knot.\nDemand: short\nManner: polite\nInput: none",
        "Instruction: Name a knot.\nInput: none\n\nDemand: short\nManner: polite",
        "Instruction: Name a knot.\nManner: polite",
        "Instruction: Name a knot.\nManner: polite\nInput: none",
        "<kind>name</kind><demand>short</demand><manner>polite</manner><instruction>Name a knot.</instruction>",
        "Name a knot.\n\nKind of task: name\nDemand: short\nManner: polite",
        "- **Kind:** name\n- **Demand:** short\n- **Manner:** polite\n\n**Instruction:** Name a knot.",
        "## Kind\nname\n\n## Demand\nshort\n\n## Manner\npolite\n\n## Instruction\nName a knot.",
    ],
)
def test_what_is_repeated_of_the_prompt_comes_off(completion):
    found = parse_instruction(completion)
    assert (found.instruction, found.input, found.characters_removed) == ("Name a knot.", "", 0)


@pytest.mark.parametrize(
    "completion",
    [
        "Demand: 100\nSupply: 90\n\nFind the price.",
        "Kind of task: poem\nStyle: retro\n\nWrite it.",
        "Demand: Q = 10 - P\n\nQuestion: What is the price?",
        "Instruction: Sort them.\nManner: slow\nPace: quick",
    ],
)
def test_data_that_looks_so_stays(completion):
    line = next(line for line in completion.split("\n") if line.startswith(("Demand", "Style", "Manner")))
    assert line in parse_instruction(completion).instruction
