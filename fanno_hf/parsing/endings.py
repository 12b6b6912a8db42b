"""Takes off what a chatty teacher adds after an instruction: an offer to write another one, an explanation of its own task.

    "How do mosses drink?\\n\\nThis question tests knowledge of plants."  ->  "How do mosses drink?", {"explanation": 35}

Only a last paragraph goes, and only one that speaks of the task itself: an e-mail's "Let me know!" stays.
"""

import re

from fanno_hf.parsing.labels import lines_with_fences
from fanno_hf.parsing.no_input import remarks_none
from fanno_hf.parsing.removed import Removed
from fanno_hf.parsing.wrapping import RULE

# the longest offers and explanations are a paragraph
_LONGEST = 900
_MOST = 4
_DRESS = r"[*_>(\[（\s]{0,6}"


def _any(*patterns: str) -> str:
    return f"(?:{'|'.join(patterns)})"


_LABEL = _any(
    r"note|explanation|rationale|reasoning|justification|hinweis|anmerkung|erklärung|begründung|nota|explicación",
    r"remarque|explication|spiegazione|примечание|пояснение|说明|解释|注|注意|説明|補足|解説",
)
_THIS = r"(?:this|the|the above|diese|dieser|esta|este|cette|questa|questo|essa)"
_TASK = _any(
    r"(?:instruction|task|question|prompt|exercise|request)s?|anweisung|aufgabe|frage|instrucción|tarea|pregunta",
    r"consigna|consigne|tâche|istruzione|domanda|compito|instrução|tarefa|pergunta",
)
# what a task is said to do, in the third person: "tests", "verlangt", "invita"
_DOES = _any(
    r"tests?|encourages?|challenges?|assess(?:es)?|evaluates?|aims?|targets?|combines?|invites?|explores?|probes?",
    r"satisf(?:y|ies)|follows|fits|draws|focuses|examines|checks|connects|involves|covers|captures|helps|meets|uses",
    r"leverages|reflects|pushes|can be answered|does(?: not|n't|n’t) (?:need|require|depend|refer)",
    r"is (?:about|based|designed|inspired|grounded|intended|meant|suitable|self-contained|related|derived|relevant)",
    r"(?:requires?|asks?|prompts?) (?:the |an? )?(?:model|assistant|ai|reader|responder|respondent|user|student)",
    r"(?:requires?|asks?|prompts?) (?:for )?(?:learner|person|critical|deep|both|some|understanding|knowledge|reasoning)",
    r"prüft|testet|erfordert|verlangt|fördert|zielt|basiert|beruht|bezieht|ist (?:so|in sich)|lädt|regt|kombiniert",
    r"pone a prueba|requiere|evalúa|se basa|invita|exige|busca|fomenta|combina|está (?:basada|diseñada)",
    r"teste|demande|évalue|invite|vise|s'appuie|s’appuie|encourage|est (?:basée|conçue)",
    r"richiede|valuta|mette alla prova|si basa|mira|testa|avalia|baseia-se|requer",
)
_EXPLAINS = _any(
    rf"{_THIS} (?:[a-zé-]{{1,20}} )?{_TASK} (?:[a-z]{{1,20}}ly |also )?{_DOES}(?![^\W\d_])",
    r"(?:это задание|этот вопрос|эта задача|данное задание) (?:проверяет|требует|основан|направлен|побуждает)",
    r"(?:该|这个|这道|此|本|上述|這個)(?:指令|任务|问题|题目|题|任務|問題)[^\n]{0,12}(?:旨在|要求|考察|考查|测试|基于|鼓励)",
    r"(?:この|上記の)(?:指示|タスク|質問|課題|問題)は[^\n]{0,80}(?:ものです|問うて|求めて|基づ|試し|しています)",
    r"이 (?:지시문?|과제|질문|작업)[은는][^\n]{0,80}니다",
)
_EXPLANATION = re.compile(rf"{_DRESS}(?:{_LABEL}[*_]{{0,2}}\s?[:：][*_]{{0,2}}\s?)?{_EXPLAINS}", re.IGNORECASE)
# "(Note: the assistant does not see the passage.)", "Note: the person who answers has no access to the text"
_UNSEEN = re.compile(
    rf"{_DRESS}(?:please note|{_LABEL})\b[^\n]{{0,160}}?"
    + _any(
        r"\bassistant\b",
        r"(?:not|n't|n’t|no)\s(?:[a-z]+\s){0,3}(?:see|seen|shown|access|require|need|refer)[^\n]{0,60}"
        r"(?:document|passage|text|source|article)\b",
    ),
    re.IGNORECASE,
)
_OTHER = _any(
    r"another|different|more|other|additional|further|alternative|changes?|adjust\w*|modif\w+|revis\w+|tweak\w*",
    r"refine\w*|variations?|version|simpler|harder|new",
)
_CLOSING = re.compile(
    _DRESS
    + _any(
        r"(?:please )?(?:let me know|feel free|just (?:let me know|ask)|if you(?:'d|’d| would)? (?:like|need|want)|"
        r"would you like|do you want|want me to|shall i|should i|i can also|i(?:'d|’d| would) be happy to)"
        rf"\b[^\n]{{0,200}}\b{_OTHER}\b",
        r"i hope (?:this|that|it|these)\b[^\n]{0,20}\b(?:helps?|meets?|works|fits|suits|is what|matches|aligns)",
        r"hope this helps",
        r"(?:lass|lassen sie) (?:es )?(?:mich|uns) (?:gerne )?wissen|(?:sag(?:en sie)?|gib) (?:mir )?(?:gerne )?bescheid",
        r"ich hoffe,? (?:das|diese|dies)",
        r"(?:möchtest du|möchten sie|soll ich)\b[^\n]{0,80}(?:weitere|andere|noch ein|anpassen|ändern)",
        r"(?:avísame|avíseme|házmelo saber|déjame saber|dime)\b[^\n]{0,60}\b(?:otra|otro|más|cambi|ajust)",
        r"¿?(?:quieres|te gustaría|desea|si quieres|si necesitas|si deseas)\b[^\n]{0,60}\b(?:otra|otro|más)\b",
        r"espero que (?:te|le|esto|esta|isso|ajude)\b|me avise",
        r"j'espère que (?:cela|cette|ça)|n'hésitez pas|n'hésite pas",
        r"(?:souhaitez-vous|voulez-vous|veux-tu)\b[^\n]{0,60}\b(?:autre|d'autres)\b",
        r"spero che (?:questo|questa|ti)|fammi sapere",
        r"надеюсь,? (?:это|что)|(?:дайте|дай) (?:мне )?знать|если (?:нужно|хотите|нужны)[^\n]{0,60}(?:ещё|еще|друг)",
        r"希望(?:这|這|对你|对您|能)|如果?(?:您|你)?(?:有|需|还|想)[^\n]{0,30}(?:请|告诉|调整|修改|其他|更多|另)|需要我(?:再|提供)",
        r"(?:他|ほか)に(?:も)?(?:ご|お|必要)[^\n]{0,30}(?:ください|ますか)|お役に立て|別の[^\n]{0,30}(?:お知らせ|ください|しますか)",
        r"도움이 (?:되|됐)|(?:다른|더)[^\n]{0,30}(?:말씀해|알려)",
        r"آمل أن|أخبرني|أعلمني|उम्मीद है|(?:कृपया )?(?:मुझे )?बताएं",
    ),
    re.IGNORECASE,
)
# an offer that names what was offered: certain even behind an input
_OFFER = re.compile(
    _any(
        rf"[^\n]{{0,200}}\b{_OTHER} (?:[a-z]+ )?(?:ones?|(?:instruction|task|question|prompt|exercise|example)s?)\b",
        r"[^\n]{0,60}(?:weitere|andere) (?:anweisung|aufgabe|frage)",
        r"[^\n]{0,60}(?:otra|otro) (?:instrucción|tarea|pregunta)",
    ),
    re.IGNORECASE,
)
# a line that divides, and what stands below it
_BELOW_RULE = re.compile(r"^(?:[-*_=][ ]?){3,}\n\s*")


def without_ending(text: str, removed: Removed, *, in_input: bool = False) -> str:
    """Takes closing lines and explanations off the end, one paragraph after the other.

    Behind an input (`in_input`) only what names instructions goes, since an input may be an e-mail that closes.
    """
    for _ in range(_MOST):
        start = _last_paragraph(text)
        kind = _kind(text[start:].strip(), text[:start], in_input) if start else None
        if kind is None:
            break
        removed.take(kind, text[start:])
        text = text[:start].rstrip()
    return text


def _last_paragraph(text: str) -> int:
    """Returns where the last paragraph starts; 0 when there is only one, or when it ends in a fence."""
    start, last_fenced, blank = 0, False, False
    for offset, line, fenced in lines_with_fences(text):
        if blank and line.strip() or RULE.match(line):
            start = offset
        blank, last_fenced = not line.strip() and not fenced, fenced
    return 0 if last_fenced else start


def _kind(paragraph: str, task: str, in_input: bool) -> str | None:
    """Returns under what a paragraph behind a task is counted, None when it belongs to the task."""
    if RULE.match(paragraph) or (not in_input and remarks_none(paragraph, task)):
        return "label"
    said = _BELOW_RULE.sub("", paragraph, count=1)
    if len(said) > _LONGEST:
        return None
    if _EXPLANATION.match(said) or (not in_input and _UNSEEN.match(said)):
        return "explanation"
    if "\n" not in said and _CLOSING.match(said) and (not in_input or _OFFER.match(said)):
        return "closing"
    return None
