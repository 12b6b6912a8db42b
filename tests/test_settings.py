"""The settings: a wrong value, a misspelt key and a profile that lacks one are named, with what is allowed."""

import pytest
from omegaconf import OmegaConf

from fanno_hf.errors import UserError
from fanno_hf.settings import Settings, check_pool
from tests.conftest import compose_config


def settings_with(key: str, value) -> Settings:
    config = compose_config()
    OmegaConf.update(config, key, value, force_add=True)
    return Settings.of(OmegaConf.to_container(config, resolve=True))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "stages.seed.combinaions",
            3,
            "stages.seed.combinaions is not a configuration key; did you mean 'combinations'?",
        ),
        ("hub.form", "me/x@y", "hub.form is not a configuration key; did you mean 'from'?"),
        ("rules.condtions", [], "rules.condtions is not a configuration key; did you mean 'conditions'?"),
        (
            "stages.augment.verdicts.no_reqest",
            0.5,
            "stages.augment.verdicts.no_reqest: prompts.instruction.questions has no question of this name; "
            "did you mean 'no_request'?",
        ),
        (
            "teacher.price.prompt",
            float("inf"),
            "teacher.price.prompt=inf: it must be a number from 0.0 to 1000000000.0",
        ),
        (
            "teacher.price.hour",
            1e300,
            "teacher.price.hour=1e+300: it must be a number from 0.0 to 1000000000.0, or null",
        ),
        (
            "judge.price.cached",
            1e20,
            "judge.price.cached=1e+20: it must be a number from 0.0 to 1000000000.0, or null",
        ),
        ("stages.seed.temperature", float("inf"), "stages.seed.temperature=inf: it must be a number of at least 0.0"),
        ("random_seed", 2**53, "random_seed=9007199254740992: it must be a whole number from 0 to 9007199254740991"),
        ("engine.gpus", 1.5, "engine.gpus=1.5: a process has a share of one GPU (below 1), or whole ones"),
        ("embedder.related_from", 2.0, "embedder.related_from=2.0: it must be a number from -1.0 to 1.0, or null"),
    ],
)
def test_a_mistake_is_named(key, value, said):
    with pytest.raises(UserError) as caught:
        settings_with(key, value)
    assert str(caught.value).startswith(said)


def test_teacher_and_judge_are_paid_in_one_currency():
    overrides = ["judge=tgi", "teacher.price.prompt=1.0", "judge.price.prompt=1.0", "judge.price.currency=EUR"]
    with pytest.raises(UserError, match="judge.price.currency=EUR, and teacher.price.currency=USD: give both in one"):
        Settings.of(OmegaConf.to_container(compose_config(*overrides), resolve=True))


def test_settings_of_a_server_are_named_by_the_key_over_them():
    with pytest.raises(UserError, match="^evaluate.models: me.thinking=judge.off is none of: auto, off, on$"):
        check_pool({"thinking": "judge.off"}, "evaluate.models: me")


def test_a_verdict_that_is_not_asked_for_needs_no_question():
    assert settings_with("stages.seed.verdicts.some_day", None).seed.verdicts["some_day"] is None


def test_no_verdicts_at_all_are_null():
    assert settings_with("stages.seed.verdicts", None).seed.verdicts == {}


def test_a_verdict_that_is_not_named_stays_as_it_is():
    config = compose_config("stages.prescreen.verdicts={low_quality: 0.9}")
    verdicts = Settings.of(OmegaConf.to_container(config, resolve=True)).prescreen.verdicts
    assert verdicts == {"low_quality": 0.9, "private_information": 0.5, "advertisement": 0.5}


def test_a_profile_of_rules_that_lacks_words_says_which():
    resolved = OmegaConf.to_container(compose_config(), resolve=True)
    del resolved["rules"]["conditions"]
    with pytest.raises(UserError, match="^rules.conditions is missing: see conf/ for its default$"):
        Settings.of(resolved)


@pytest.mark.parametrize(("embedder", "least"), [("hashing", None), ("minilm", 0.4)])
def test_the_least_score_of_a_passage_is_that_of_the_embedder(embedder, least):
    config = compose_config(
        "teacher=openai", "teacher.base_url=http://localhost:1", "teacher.model=m", f"embedder={embedder}"
    )
    assert Settings.of(OmegaConf.to_container(config, resolve=True)).respond.min_passage_score == least
