"""Documents in eight languages: what a teacher writes in each is kept, and what is at fault in it is not."""

import pytest

from fanno_hf.errors import StageEmpty
from fanno_hf.stages.prescreen import prescreen
from fanno_hf.stages.respond import respond
from fanno_hf.stages.seed import seed
from tests.conftest import raw_documents

# language -> a document, a request it inspires, an answer, and a request that nobody could answer without it
TEXTS = {
    "de": (
        "Bei der Rochade zieht der König zwei Felder auf einen Turm zu, und der Turm springt über ihn hinweg. Keiner von "
        "beiden darf vorher gezogen haben, und der König darf nicht im Schach stehen.",
        "Kind: Beratung\nInstruction: Mein Sohn lernt Schach. Wie erkläre ich ihm in drei Sätzen, wann man rochieren darf?",
        "König und Turm dürfen noch nicht gezogen haben. Zwischen ihnen ist alles frei. Der König steht nicht im Schach.",
        "Fasse den obigen Text in zwei Sätzen zusammen.",
    ),
    "es": (
        "El aceite de oliva virgen extra se obtiene solo por medios mecánicos, a menos de 27 grados. Su acidez no puede "
        "pasar de 0,8 por ciento, y pierde aroma con la luz y el calor.",
        "Escribe un correo breve a un cliente que pregunta por qué su aceite de oliva ya no huele a nada.",
        "Estimado cliente: la luz y el calor le quitan el aroma al aceite. Guárdelo en un lugar fresco y oscuro.",
        "Según el texto anterior, ¿cuál es la acidez máxima?",
    ),
    "fr": (
        "Un barrage voûte reporte la poussée de l'eau sur les rives, ce qui demande une vallée étroite et une roche solide. "
        "Un barrage poids résiste par sa seule masse.",
        "Compare le barrage voûte et le barrage poids dans un tableau de trois lignes.",
        "| critère | voûte | poids |\n|---|---|---|\n| vallée | étroite | large |\n| béton | peu | beaucoup |",
        "D'après ce document, que demande un barrage voûte ?",
    ),
    "it": (
        "Il lievito madre si rinfresca ogni giorno con farina e acqua. Se odora di aceto forte, ha fame: due rinfreschi "
        "ravvicinati lo rimettono in forze.",
        "ciao, il mio lievito madre puzza di aceto, lo butto o si salva?",
        "Si salva: fai due rinfreschi ravvicinati e tienilo al caldo.",
        "Riassumi il testo precedente in una frase.",
    ),
    "pt": (
        "A maré sobe e desce duas vezes por dia, e cada preia-mar chega cerca de cinquenta minutos mais tarde do que na "
        "véspera. Na lua cheia e na lua nova as amplitudes são maiores.",
        "A preia-mar de hoje foi às 6h10. A que horas será a do mesmo período amanhã?",
        "Por volta das 7h00.",
        "De acordo com o texto acima, quando são maiores as amplitudes?",
    ),
    "ru": (
        "Торф образуется там, где растения не разлагаются до конца, потому что в воде мало кислорода. За год слой растёт "
        "примерно на один миллиметр.",
        "Сколько лет нужно болоту, чтобы накопить два метра торфа? Покажи расчёт.",
        "2000 мм : 1 мм в год = 2000 лет.",
        "Согласно приведённому тексту, на сколько растёт слой торфа?",
    ),
    "zh": (
        "围棋的棋盘有十九条横线和十九条竖线，共三百六十一个交叉点。黑子先行，双方轮流落子，围得地盘多者胜。",
        "任务：请用小学生能听懂的话解释围棋怎样算赢。",
        "谁围住的地方多，谁就赢。",
        "根据上文，棋盘有多少个交叉点？",
    ),
    "ja": (
        "苔には根がなく、葉の表面から水を吸う。乾くと活動を止めるが、雨が降れば数分で元に戻る。",
        "庭の苔が茶色くなりました。水やりのこつを三つ教えてください。",
        "一、朝か夕方にまく。二、葉の上から霧のようにかける。三、乾いた日は休ませる。",
        "上記の文章によると、苔はどこから水を吸いますか。",
    ),
}
LOOSE = (
    "prompts=default",
    "tags=default",
    "rules=default",
    "stages.prescreen.min_tokens=1",
    "embedder.languages=[en]",
)
# bags of words find nothing in common, as an English embedder does
STRICT = ("stages.seed.min_relevance=0.99",)


@pytest.fixture
def made(make_context):
    """A function: language, completion -> what seed makes of it, and the context to go on with."""

    def make(language, completion):
        document, _, answer, _ = TEXTS[language]

        def write(prompt):
            return completion if "Kind of task: " in prompt else answer

        context, _ = make_context(write, overrides=[*LOOSE, *STRICT])
        documents = prescreen(raw_documents(document), context).kept
        return documents, seed(documents, context), context

    return make


@pytest.mark.parametrize("language", TEXTS)
def test_a_request_and_its_answer_are_kept(made, language):
    _, asked, answer, _ = TEXTS[language]
    documents, output, context = made(language, asked)
    pair = respond(documents, output.kept, context).kept[0]
    assert (pair["instruction"], pair["response"]) == (asked.split("Instruction: ")[-1].removeprefix("任务："), answer)


@pytest.mark.parametrize("language", TEXTS)
def test_a_request_that_refers_to_the_unseen_document_is_dropped(made, language):
    with pytest.raises(StageEmpty) as raised:
        made(language, TEXTS[language][3])
    assert raised.value.rejected["reason"] == ["refers_to_document"]
