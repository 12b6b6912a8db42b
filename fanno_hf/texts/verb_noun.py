"""The root verb of an instruction and its direct-object noun, for the verb-noun figure of a run.

    "In two sentences, explain the difference between moss and fern."  ->  ("explain", "difference")
    "Explain how mosses drink."                                        ->  None: no direct noun

Self-Instruct (Wang et al. 2023) takes the root verb and its first direct noun object from a constituency parse. There
is no parser here: this is a heuristic for English with closed lists of function words and common verbs.

- The first sentence, or part after a comma, that is an imperative or a question decides. What comes before it ("Using
  an example,", "1.", "Please", "Imagine you are a king.") is skipped. Of coordinated verbs the first counts.
- The noun is the last word of the first noun chunk; the chunk ends at a function word, a numeral or a mark.
- A question with do, have or a modal gives its main verb with the object, which may stand in front ("How many legs
  does a spider have?" -> have leg), "How is bread made?" gives make bread, and a question whose verb is "be" gives
  "be" with its first noun: "What is the purpose of the chamber?" -> be purpose.

Known limits: unlisted verbs are seen only before "the" or "a"; a clause without a pronoun ("the trick bees use") and
an unlisted adjective behind its noun join the chunk; of two objects the first counts; "think of a word" has no direct
object; British and American spellings stay apart; other languages give None only as far as their function words or
letters tell.
"""

import re
import unicodedata
from collections.abc import Callable

from fanno_hf.texts.segment import words


def _set(text: str) -> frozenset[str]:
    return frozenset(words(text))


def _mapping(text: str) -> dict[str, str]:
    return dict(zip(words(text)[::2], words(text)[1::2], strict=True))


_MOST_CHARACTERS = 2000  # what an instruction asks for stands near its beginning; bounds the work on any text
# fmt: off
_DETERMINERS = _set("only a an the this these those my your his her its our their some any each every another other all both several many much few no either neither such same half enough more most less least very certain various own")
_NUMBERS = _set("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion")
_COUNTING = _DETERMINERS | _NUMBERS
_SUBJECTS = _set("i you we they he she it one someone somebody anyone people")
_OBJECTS = _set("me us him them it you yourself someone somebody")
_BE = _set("is are was were am")
_AUXILIARIES = _BE | _set("do does did has have had can could would should will shall may might must")
_ASKING = _set("what which who whom whose how why when where")
_CLAUSE = _ASKING | _set("that if whether because while although though since unless until so than")
_PREPOSITIONS = _set("of in on at by for with without from to into onto about as between among over under through during after before against across along around behind beyond near per within upon toward towards like using given based according via despite except regarding concerning considering including versus vs")
_ADVERBS = _set("twice doing happening be been being and or but nor not then here there now today again together too also just up out off down back further please herself himself itself themselves myself etc once")
_FUNCTION = (_COUNTING | _SUBJECTS | _OBJECTS | _AUXILIARIES | _CLAUSE | _PREPOSITIONS | _ADVERBS) - {"people"}
_SKIPPED = _set("please kindly now then next first second third finally also and briefly so ok okay hi")
_SCENES = _set("imagine suppose assume pretend consider")  # the task comes after them
_STRONG = _set("explain describe write summarise summarize discuss identify compare give tell suggest list")
_ENDLESS = _set("way ways reason reasons")  # "the way bees dance": a clause may follow without a pronoun
_VERBS = _set("add adapt advise analyse analyze ask answer apply argue arrange assess assume brainstorm break build calculate categorise categorize change check clarify characterise characterize choose cite classify collect combine come comment compare compile complete compose compute conclude consider construct contrast convert correct convince count create criticise criticize critique debate decide decrease deduce define demonstrate derive describe design detect determine develop devise differentiate discuss distinguish divide draft draw edit elaborate enumerate estimate evaluate examine expand explain explore express extract fill find fix formulate generate give group guess help highlight identify illustrate imagine implement improve increase infer interpret invent investigate judge justify label list make mark match measure modify multiply name optimise optimize offer order organise organize outline paraphrase perform pick plan point predict prepare present pretend print prioritise prioritize produce propose prove provide put rank rate read reason recall recommend reconstruct reflect refute remove reorder rephrase replace research restate return reverse review revise rewrite reword say select set shorten show simplify simulate sketch solve sort specify spell state study subtract suggest sum summarise summarize support suppose synthesise synthesize tell test think trace transform translate try turn unscramble update use validate verify weigh work write absorb achieve act affect allow appear attract avoid become begin believe belong breathe bring buy call carry catch cause clean close communicate connect consume contain contribute control cook cope cost cover cut damage deal defend depend destroy digest discover dissolve do drink drive drop dry eat enable encourage end ensure establish evolve exist fall feed feel fight fly follow force form gain get go grow handle happen hatch have hear hold hunt impact include indicate influence interact introduce involve keep kill know lay lead learn leave let limit live locate look lose maintain manage mean melt migrate minimise minimize move navigate need obtain occur open operate paint pay plant play pollinate prefer prevent process promote protect publish push raise reach receive record reduce regulate relate release repair represent require respond rise run save see sell send separate serve share sing sleep speak spend spread start stay stop store succeed survive take teach travel treat understand visit wait want wash watch wear win")
_IRREGULAR = _mapping("made make known know knew know gave give given give took take taken take wrote write written write found find saw see seen see held hold built build grew grow grown grow shown show drew draw drawn draw kept keep led lead lost lose brought bring taught teach caught catch chose choose chosen choose spoke speak spoken speak broke break broken break drove drive driven drive ate eat eaten eat got get said say told tell sold sell sent send spent spend paid pay laid lay won win understood understand rewritten rewrite became become began begin begun begin sung sing sang sing wore wear worn wear done do ran run went go gone go meant mean felt feel heard hear fought fight bought buy fed feed fell fall fallen fall rose rise")
_ADJECTIVES = _set("short long brief clear simple concise detailed vivid good bad better best big small large great new old young important different similar main basic common easy difficult hard possible necessary essential useful useless green blue red yellow black white brown dark bright high low deep hot cold warm cool wet dry fast slow strong weak rich poor safe dangerous healthy popular famous funny sad happy true false real formal informal polite friendly creative original persuasive realistic logical critical effective efficient significant relevant appropriate responsible able likely available accurate complex modern ancient cheap expensive rare unique extinct sticky soft alive asleep unlike")
_NOUNS_IN_LY = _set("family assembly butterfly fly reply supply anomaly monopoly ally rally bully belly jelly italy july lily")
_UNCHANGED = _set("gas bus plus lens bias atlas canvas alias pancreas christmas series species means news chaos cosmos mars diabetes scissors clothes trousers headquarters texas kansas athens james pythagoras archimedes rhinoceros hermes thermos politics status virus campus census bonus focus")
_PLURAL = _mapping("men man women woman children child feet foot teeth tooth geese goose mice mouse oxen ox criteria criterion phenomena phenomenon bacteria bacterium theses thesis hypotheses hypothesis crises crisis diagnoses diagnosis syntheses synthesis parentheses parenthesis oases oasis axes axis indices index vertices vertex matrices matrix leaves leaf lives life wives wife knives knife halves half wolves wolf shelves shelf loaves loaf thieves thief calves calf scarves scarf hooves hoof movies movie cookies cookie calories calorie zombies zombie selfies selfie shoes shoe toes toe canoes canoe caches cache aches ache headaches headache niches niche avalanches avalanche quizzes quiz uses use excuses excuse fuses fuse topics topic fabrics fabric clinics clinic critics critic comics comic lyrics lyric characteristics characteristic metrics metric mosaics mosaic relics relic tactics tactic antibiotics antibiotic statistics statistic mechanics mechanic organics organic")
_FOREIGN = _set("der das und nicht mit von zu ein eine einen für im wird ist auf el la los las de que y en un una por con para del tres dos cuatro drei zwei vier trois deux quatre le les des et est dans sur du qui une il lo gli di che è o os com uma um não het een van")  # no English words
_SHARED = _set("a an as do no in on me so us he one i to per was is")  # prove neither English nor another language
_VERB_ENDINGS = [("s", ""), ("es", ""), ("ies", "y"), ("ied", "y"), ("d", ""), ("ed", ""), ("ing", ""), ("ing", "e")]
# fmt: on

_REWRITES = [  # in this order
    (re.compile(r"\b(dr|mr|mrs|ms|prof|vs|etc)\."), r"\1"),
    (re.compile(r"\b(what|who|where|how|when|why)'s\b"), r"\1 is"),
    (re.compile(r"[\"“”„«`'‘]([^\W\d_]+)[\"“”»`'’]"), r' " \1 '),  # a quoted word
    (re.compile(r"\b(?:i (?:want|need|would like) you to|your (?:task|job|goal) is to|you (?:should|must))\b"), " . "),
    (re.compile(r"\n[^\S\n]*\n"), " . "),
    (re.compile(r"^\s*(?:[#>•*(\-]+\s*|(?:[a-z]|\d{1,3})[.):]+\s+)*"), ""),  # numbering
]
_TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|\d(?:[.,]?\w)*|[.!?:;…](?=\W|$)|\S")
_LATIN = re.compile(r"[a-zß-öø-ÿœ]{2,}")
_ENDS = frozenset(".!?:;…")
_NOTHING = ("", "")  # an instruction whose verb is unknown, or is no matter


def verb_noun(instruction: str) -> tuple[str, str] | None:
    """Returns the root verb and the head of its direct object, both in their base form and lower case, or None."""
    text = unicodedata.normalize("NFKC", instruction.lstrip()[:_MOST_CHARACTERS])[:_MOST_CHARACTERS]
    text = text.lower().replace("’", "'")
    for pattern, instead in _REWRITES:
        text = pattern.sub(instead, text)
    tokens = _TOKEN.findall(text)
    english = sum(token in _FUNCTION and token not in _SHARED for token in tokens)
    if sum(token in _FOREIGN for token in tokens) > english:
        return None
    found, start = None, 0
    for end in [i for i, token in enumerate(tokens) if token in _ENDS] + [len(tokens)]:
        sentence = tokens[start:end] + [(tokens[end:] or ["."])[0], ".", "."]  # so that t[i + 2] always exists
        found = _sentence(sentence, len(sentence) - 3, english > 0) or found
        start = end + 1
        if found and found[0] not in _SCENES:
            break
    return found if found and all(_LATIN.fullmatch(w) and (w.isascii() or english) for w in found) else None


def _sentence(t: list[str], length: int, english: bool) -> tuple[str, str] | None:
    """Returns the pair of one sentence, with an empty noun where there is none, None for anything else."""
    scene = None
    for i in [0] + [i + 1 for i, token in enumerate(t) if token == ","]:
        while t[i] in _SKIPPED or t[i].endswith("ly") and t[i] not in _VERBS:
            i += 1 + (t[i + 1] == ",")
        found = _part(t, i, t[length] == "?", english)
        if found and found[0] not in _SCENES:
            return found
        scene = scene or found
    if not scene and t[0] in _PREPOSITIONS:  # "In two sentences describe the moon"
        return next((found for i in range(2, length) if t[i] in _STRONG and (found := _imperative(t, i))), None)
    return scene


def _part(t: list[str], i: int, asks: bool, english: bool) -> tuple[str, str] | None:
    word, fronted = t[i], t[i] in _PREPOSITIONS and t[i + 1] in _ASKING
    if word in _ASKING or fronted:
        return _question(t, i + fronted, not fronted) if asks or i == 0 else None
    if word in _AUXILIARIES and (asks or word not in ("do", "have")):
        return _after_auxiliary(t, i) if asks else None
    unlisted = english and word.isascii() and _open(word) and t[i + 1] in ("the", "a", "an")
    listed = word in _VERBS or word in ("do", "have")
    return _imperative(t, i) if listed or unlisted and not word.endswith(("s", "ed", "ing")) else None


def _imperative(t: list[str], i: int) -> tuple[str, str] | None:
    verb, j, following = t[i], i + 1, t[i + 1]
    states = (
        following.endswith("s") and following not in _VERBS and _base(following) and t[i + 2] in _COUNTING | _CLAUSE
    )
    if following in _AUXILIARIES or following == "not" or states:
        return None  # "Change is hard", "Research shows that"
    if verb == "help" and following in _OBJECTS and t[i + 2] in _VERBS:
        return _imperative(t, i + 2)
    while t[j] in ("and", "or", ",", "then") and t[j + 1] in _VERBS | {"and", "or"}:
        j += 1 + (t[j + 1] in _VERBS)
    j += t[j] in ("up", "out", "off", "down")
    aside = j + (t[j] == ",")
    if t[aside] in _PREPOSITIONS:  # "Explain in two sentences the difference"
        j = _chunk(t, aside + 1)[1]
        j += t[j] == ","
        return _with_object(verb, t, j) if t[j] in _COUNTING else (verb, "")
    return _with_object(verb, t, j)


def _question(t: list[str], i: int, may_be_object: bool) -> tuple[str, str] | None:
    many = t[i] == "how" and t[i + 1] in ("many", "much")
    j = i + 1 + many
    if t[i] in ("how", "why", "when", "where") and not many:
        j = next((k for k, token in enumerate(t[j : j + 3], j) if token in _AUXILIARIES), 0)
        return _after_auxiliary(t, j) if j else None
    if t[j] in _AUXILIARIES:
        return _after_auxiliary(t, j, asked=True)
    if t[i] in ("what", "who") and (t[j] not in _VERBS or t[i] == "who") and t[j + 1] not in _AUXILIARIES | {"of"}:
        told = _base(t[j])
        if told:  # "What causes tides?"
            return _with_object(told, t, j + 1)
    head, k = _chunk(t, j)
    k = _chunk(t, k + 1)[1] if t[k] in _PREPOSITIONS else k  # "What kind of soil does …"
    if t[k] in _AUXILIARIES:
        return _after_auxiliary(t, k, head if may_be_object else None, asked=True)
    verb = _find(t, j, _base)
    return _with_object(_base(t[verb]) or singular(t[verb]), t, verb + 1) if verb else None


def _after_auxiliary(t: list[str], i: int, front: str | None = None, asked: bool = False) -> tuple[str, str]:
    """`front` is the noun before the auxiliary; `asked`: "what" or "who" stands there, so a subject may be missing."""
    start = i + 1
    while t[start] in ("not", "there") or t[start].endswith("ly"):
        start += 1
    head, end = _chunk(t, start)
    if t[i] in _BE or {"be", "been"} & set(t[start : end + 3]):
        bare = asked and not front and t[i] in _BE  # "What is …": a participle belongs to the noun
        verb = None if bare else _find(t, start, _participle, started=bool(front))
        if verb:
            return _pair(_base(t[verb]), front or (head if end < verb else _head(t[start:verb], "")))
        doing = _find(t, start, lambda word: _base(word) if word.endswith("ing") else None, started=asked)
        if doing and (doing == start or not bare):
            return _with_object(_base(t[doing]), t, doing + 1, front)
        return _pair("be", front or head) if t[i] in _BE else _NOTHING
    fits = _participle if t[i] in ("has", "have", "had") else lambda word: word if word in _VERBS | {"have"} else None
    verb = _find(t, start, fits, started=asked and t[i] not in ("do", "does", "did"))
    return _with_object(_base(t[verb]) or t[verb], t, verb + 1, front) if verb else _NOTHING


def _find(t: list[str], i: int, fits: Callable[[str], str | None], started: bool = False) -> int | None:
    """Returns where the main verb stands: a fitting word right behind a noun or pronoun; unlisted ones before "the"."""
    after_pronoun = False
    for j in range(i, len(t) - 2):
        word = t[j]
        if word in _CLAUSE or not (word[0].isalnum() or word == '"'):
            return None
        if word in _SUBJECTS:
            started = after_pronoun = True
        elif word == "have" and fits(word) and started:
            return j
        elif _open(word) and not word.endswith("ly"):
            if started and fits(word):  # "does climate change affect the" means affect
                return j + bool(fits(t[j + 1]) and t[j + 2] in _COUNTING)
            if started and fits("make") and (after_pronoun or t[j + 1] in ("the", "a", "an")):
                return j
            started, after_pronoun = not word.endswith("'s"), False
        elif word in _FUNCTION and word not in ("be", "been", "being", "not", "also", "please"):
            started = False
    return None


def _pair(verb: str, noun: str | None) -> tuple[str, str]:
    return verb, noun or ""


def _with_object(verb: str, t: list[str], i: int, front: str | None = None) -> tuple[str, str]:
    return _pair(verb, front or _chunk(t, i)[0])


def _chunk(t: list[str], i: int) -> tuple[str | None, int]:
    """Returns the head of the noun chunk that begins at `i`, and where the chunk ends."""
    chunk = []
    while i < len(t) - 2:
        word, last = t[i], chunk[-1] if chunk else ""
        if chunk:
            described = last in _ADJECTIVES or last.endswith(("ous", "ful", "less", "able", "ible", "ive", "ed"))
            skipped = described and (word in (",", "and", "or", "but") and _open(t[i + 1]) or word[0].isdigit())
        else:
            skipped = (
                word in _COUNTING | _OBJECTS
                or word[0].isdigit()
                or word == '"'
                or word == "of"
                and t[i - 1] in _COUNTING
            )
            skipped = skipped or word.endswith("ly") and word not in _NOUNS_IN_LY
            skipped = skipped or word in ("given", "following") and t[i - 1] in _COUNTING
        if not skipped and not _open(word):
            break
        chunk += [] if skipped else [word]
        i += 1
        if word in _ENDLESS:
            break
    return _head(chunk, t[i]), i


def _head(chunk: list[str], following: str) -> str | None:
    """Returns the last noun of a chunk as singular; participles, adverbs and adjectives behind it are left out."""
    chunk = [word for word in chunk if _open(word) and word not in _SKIPPED]
    while chunk:
        word, last = chunk[-1], chunk[-2] if len(chunk) > 1 else ""
        doing = word.endswith("ing") and (following in _COUNTING or last != singular(last))
        other = word.endswith("ly") and word not in _NOUNS_IN_LY or word.endswith("'s") or len(word) < 2
        if not (doing or other or _participle(word) or word in _ADJECTIVES):
            return singular(word.rpartition("-")[2])
        chunk.pop()
    return None


def _open(word: str) -> bool:
    return word[0].isalpha() and word not in _FUNCTION and ("'" not in word or word.endswith("'s"))


def _participle(word: str) -> str | None:
    return _base(word) if word not in _VERBS and (word in _IRREGULAR or word.endswith("ed")) else None


def _base(word: str) -> str | None:
    """Returns the infinitive of a form of a listed verb, or None."""
    if word in _VERBS or word in _IRREGULAR:
        return _IRREGULAR.get(word, word)
    for ending, instead in _VERB_ENDINGS:
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and stem in _VERBS:
            return stem
        if word.endswith(ending) and ending in ("ed", "ing") and stem[-2:-1] == stem[-1:] and stem[:-1] in _VERBS:
            return stem[:-1]
    return None


def singular(word: str) -> str:
    """Returns the singular of an English noun in lower case, or the word itself where the rules are not sure."""
    if len(word) < 4 or word in _UNCHANGED or word in _PLURAL:
        return _PLURAL.get(word, word)
    if word.endswith("lyses"):
        return word[:-2] + "is"
    if not word.endswith("s") or word.endswith(("ss", "us", "is", "ics")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    adds_es = word.endswith(("sses", "xes", "ches", "shes", "oes", "zzes"))
    return word[:-2] if adds_es or word[:-2] in _UNCHANGED or re.search("[^oal]uses$", word) else word[:-1]
