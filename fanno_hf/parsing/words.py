"""The words by which labels and preambles are known, in the languages that teachers write most: one table for each use.

    LABELS["input"] has "input", "eingabe", "入力": "**Eingabe:** Moos" opens the input of an instruction

All are in lower case and compared without regard to case. To teach the parser another language, add its words here.
"""


def _words(listed: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in listed.split(","))


# kinds that need no instruction's label beside them; "Type: haiku" alone is part of a task
CERTAIN_KINDS = _words("""
    kind of task, kind, task type, type of task, instruction type, task kind, task category, aufgabentyp,
    art der aufgabe, tipo de tarea, tipo de tarefa, tipo di compito, type de tâche, тип задания, тип задачи, 任务类型,
    任務類型, タスクの種類, 과제 유형, نوع المهمة, कार्य का प्रकार, soort taak, rodzaj zadania, 작업 유형
""")
# what may stand before a colon, as a heading or as a key of JSON
LABELS: dict[str, tuple[str, ...]] = {
    "kind": CERTAIN_KINDS
    + _words("""
        type, category, art, typ, kategorie, tipo, categoría, categoria, catégorie, тип, категория, 类型, 類型, 类别,
        種類, タイプ, カテゴリ, 유형, النوع, प्रकार, soort, rodzaj, 종류
    """),
    # what else the prompt says of a task: a teacher may say it again
    "wish": _words("demand, manner, characteristic, style"),
    "instruction": _words("""
        instruction, instructions, task, question, prompt, request, command, exercise, query, q, anweisung,
        instruktion, aufgabe, aufgabenstellung, frage, auftrag, instrucción, instruccion, tarea, pregunta, consigna,
        consigne, tâche, istruzione, compito, domanda, consegna, instrução, tarefa, pergunta, instructie, opdracht,
        vraag, инструкция, задание, задача, вопрос, polecenie, zadanie, pytanie, talimat, görev, soru, 指令, 任务,
        任務, 问题, 問題, 题目, 指示, タスク, 質問, 課題, 지시, 지시문, 지시사항, 과제, 질문, تعليمات, التعليمات,
        التعليمة, المهمة, السؤال, निर्देश, कार्य, प्रश्न, सवाल, अनुरोध, anfrage, verzoek, instrukcja, prośba, 요청,
        запрос
    """),
    "input": _words("""
        input, input text, input data, input (optional), eingabe, eingabetext, eingabedaten, entrada, datos de entrada,
        dados de entrada, entrée, entree, données d'entrée, testo di input, invoer, ввод, входные данные, вход,
        wejście, dane wejściowe, girdi, 输入, 輸入, 入力, インプット, 입력, المدخلات, المدخل, الإدخال, مدخل, इनपुट
    """),
    # an answer, or what a program printed
    "output": _words("""
        output, ausgabe, salida, sortie, saída, uitvoer, вывод, wyjście, çıktı, 输出, 輸出, 出力, 출력, المخرجات,
        आउटपुट
    """),
    "answer": _words("""
        answer, response, solution, reply, a, antwort, lösung, respuesta, solución, réponse, risposta, soluzione,
        resposta, solução, antwoord, oplossing, ответ, решение, odpowiedź, rozwiązanie, cevap, yanıt, 答案, 回答, 解答,
        答え, 解決策, 답변, 답, 정답, الإجابة, الجواب, الحل, उत्तर, समाधान, जवाब
    """),
    "explanation": _words("""
        explanation, rationale, reasoning, justification, why this works, erklärung, begründung, explicación,
        justificación, explication, spiegazione, explicação, объяснение, пояснение, 解释, 解釋, 说明, 説明, 解説, 설명,
        الشرح, व्याख्या
    """),
}
# what may stand before a label's word: "The new instruction:", "Sample answer:"
DETERMINERS = _words("""
    the, your, new, one, a, an, possible, example, sample, generated, suggested, proposed, final, resulting,
    self-contained, standalone, user, user's, improved, revised, die, eine, der, neue, mögliche, la, una, nueva, une,
    nouvelle, a nova, новое, 新しい, 新的
""")
ANSWER_DETERMINERS = _words("sample, possible, correct, expected, model, suggested, ideal, reference, the")
# what may stand between a label's word and its colon: "The question is:"
COPULAS = _words("is as follows, is, could be, would be, might be, lautet, es, est, è, é, は, 是")
# a line that opens examples, so that an "Input:" behind it is one of theirs
EXAMPLES = _words("""
    example, examples, e.g, for example, for instance, sample, sample case, test case, test cases, beispiel, beispiele,
    zum beispiel, ejemplo, ejemplos, exemple, exemples, esempio, esempi, exemplo, exemplos, пример, примеры, przykład,
    例, 例如, 示例, 样例, 예, 예시, مثال, उदाहरण
""")
# keys of JSON that hold what the task works on, where there is no key "input"
MATERIALS = _words("""
    context, text, passage, data, document, code, content, premise, table, sentence, review, source, question, problem,
    query, kontext, daten, contexto, texto, contexte, texte, контекст, текст, 上下文, 文本, コンテキスト, テキスト
""")
NO_INPUT = _words("""
    none, n/a, na, noinput, null, nil, empty, not needed, not required, keine, keiner, keines, entfällt,
    nicht erforderlich, leer, ninguna, ninguno, no aplica, vacío, aucun, aucune, néant, sans objet, nessuno, nessuna,
    nenhum, nenhuma, não aplicável, geen, нет, не требуется, отсутствует, brak, yok, 无, 無, 空, 不需要, 没有, なし,
    無し, ありません, 特になし, 없음, 해당 없음, لا يوجد, لا شيء, कोई नहीं, आवश्यक नहीं, 不适用, 不適用, 不要,
    該当なし, nie dotyczy, leave this out, leave it out, leave out, left out, leave blank, leave empty, left blank,
    omit, omit this, omitted, nothing, nothing needed, no need, blank, see above, as above, see instruction,
    see the instruction, siehe oben, weglassen, nichts, niet van toepassing, niet nodig, nie jest wymagane, ver arriba,
    voir ci-dessus, 见上文, 必要なし, 필요 없음
""")
# how a chatty teacher begins; none of these opens a task
OPENERS = _words("""
    sure, sure thing, certainly, of course, absolutely, definitely, no problem, my pleasure, gladly, gerne, gern,
    natürlich, selbstverständlich, na klar, aber gerne, sehr gerne, claro, claro que sí, por supuesto, con gusto,
    con mucho gusto, desde luego, bien sûr, avec plaisir, volontiers, certo, certamente, ecco, claro que sim,
    com certeza, com prazer, natuurlijk, конечно, разумеется, oczywiście, tabii, elbette, 当然, 当然可以, 當然, 好的,
    没问题, はい, もちろん, もちろんです, 承知しました, 承知いたしました, わかりました, かしこまりました, 네,
    물론입니다, 물론이죠, 알겠습니다, بالتأكيد, بالطبع, حسنًا, حسنا, बिल्कुल, ज़रूर, निश्चित रूप से, बेशक
""")
# these open tasks too ("ok so my cat …"), so they are taken off only with what follows
WEAK_OPENERS = _words("okay, ok, great, yes, alright, all right, got it, understood, perfect, klar, vale")
# "Here is …": with one of NOUNS behind it, it announces an instruction
PRESENTERS = _words("""
    here is, here's, here’s, here are, here you go, here it is, below is, below are, the following is,
    the following are, the following, this is, hier ist, hier sind, hier kommt, hier eine, hier ein, im folgenden,
    die folgende, folgende, aquí está, aquí están, aquí tienes, aquí tiene, aquí te dejo, aquí hay, aquí va, esta es,
    a continuación, voici, voilà, en voici, ci-dessous, ecco, eccone, di seguito, questa è, aqui está, aqui estão,
    aqui vai, eis, a seguir, segue, hier is, hier zijn, вот, ниже, oto, poniżej, işte, aşağıda, 以下是, 下面是, 以下为,
    这是, 這是, 以下は, 以下が, 以下に, 次は, こちらは, こちらが, これは, 다음은, 아래는, 여기, إليك, إليكم, فيما يلي,
    هذه, هذا, यहाँ, यह रहा, ये रहा, ये रहे, नीचे, निम्नलिखित
""")
# what is announced; "one" as in "here's one:"
NOUNS = LABELS["instruction"] + _words("""
    one, it, eine, una, une, uma, übung, ejercicio, petición, exercice, demande, esercizio, exercício, инструкцию
""")
# the nouns of scripts without spaces, or with endings: found anywhere in a word
NOUN_STEMS = _words("""
    指令, 任务, 任務, 问题, 問題, 题目, 指示, タスク, 質問, 課題, 依頼, 지시, 질문, 과제, تعليم, سؤال, مهمة, طلب,
    निर्देश, प्रश्न, सवाल, कार्य, инструкц, задани, вопрос, задач, soru
""")
PLURALS = _words("""
    instructions, tasks, questions, prompts, requests, exercises, queries, options, examples, anweisungen, aufgaben,
    fragen, instrucciones, preguntas, tareas, consignes, tâches, istruzioni, domande, compiti, instruções, perguntas,
    tarefas, инструкции, задания, вопросы, вопросов
""")
# "Based on the text, here is …"
BASES = _words("""
    based on, from, given, drawing on, inspired by, using, after reading, as requested, per your, basierend auf,
    auf grundlage, auf der grundlage, auf basis, ausgehend von, passend zu, zum text, basándome en, basado en,
    basada en, según, a partir, d'après, en me basant sur, sur la base, in base, basandomi su, sulla base, com base,
    baseado, на основе, 根据, 根據, 基于, テキストに基づ
""")
# "One possible question:", the word that shows that a question is announced
POSSIBLE = _words("""
    possible, potential, suitable, fitting, example, mögliche, passende, posible, potentielle, possibile, possível
""")
# and "… could be:", "指示はこちらです：", "요청하신 질문은 다음과 같습니다:"
PRESENTED = _words("""
    could be, would be, might be, könnte, podría, pourrait être, potrebbe, はこちら, は以下の通り, は次の通り,
    다음과 같습니다
""")
FIRST_PERSON = _words("""
    i, i'd, i’d, i'll, i’ll, i've, i’ve, i'm, i’m, let me, happy to, ich, puedo, he, je, j'ai, j’ai, ho, posso, eu
""")
# how a teacher says that it wrote something: "I've come up with this instruction:"
MADE = _words("""
    created, written, wrote, crafted, came up with, come up with, generated, formulated, prepared, designed, suggest,
    propose, would ask, erstellt, formuliert, verfasst, vorschlagen, creado, formulado, redactado, propongo, créé,
    rédigé, formulé, creato, formulato
""")
# in a task that asks for a program, "Input:" and "Output:" say what the program reads and prints
PROGRAMS = _words("""
    program, function, algorithm, script, code, method, class, regex, programm, funktion, programa, función, programme,
    fonction, programma, funzione, função, программу, функцию
""")
# by these an "Output:" is known as what a program printed
FAILURES = _words("error, exception, traceback, warning, fatal, failed, panic, segmentation, fehler")
# a task that judges an answer shows one: "Rate this answer.\n\nAnswer: …"
JUDGING = _words("""
    this, these, following, below, 's, ’s, rate, evaluate, grade, judge, score, improve, critique, assess, check,
    verify, diese, folgende, bewerte, beurteile, verbessere, prüfe, esta, siguiente, evalúa, mejora, cette, suivante,
    évalue, améliore, questa, seguente, valuta, seguinte, avalie, этот, следующий, оцени, 以下, 下面, 评价, 评估, 改进,
    次の, 評価, 다음, 평가
""")
# what shows that an announced question is somebody's, and so part of a task: "a question from a customer"
OWNERS = _words("""
    from, of, for, by, to, list, manual, was, were, asked, i, we, von, vom, für, de, del, para, pour, du, di, da, dal,
    per, do, от, из, для
""")
# but not these behind OWNERS: "a question for you", "a task from the text"
READERS = _words("""
    you, text, passage, document, topic, request, prompt, article, excerpt, model, ai, llm, student, students, learner,
    learners, user, users, assistant, dich, sie, ti, vous, toi, dokument, thema, texto, documento, texte, passaggio,
    testo, вас, тебя, текста
""")
