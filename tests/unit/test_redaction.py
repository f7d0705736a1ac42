"""Known secrets are found in every form in which they travel, and nothing else is touched."""

import json
import logging
from io import StringIO
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch import observe
from agentwatch.redaction import HIDDEN, Redactor


@settings(max_examples=40)
@given(st.text(min_size=4, max_size=40).filter(lambda t: len(t.strip()) >= 4 and len(t.splitlines()) == 1), st.text())
def test_no_form_of_a_secret_stays(secret, around):
    redactor = Redactor()
    redactor.learn(secret)
    secret = secret.strip()
    for form in (
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
    ):
        assert form not in redactor.clean(f"{around}|{form}|{around}").replace(HIDDEN, "\0")


def test_parts_of_urls_and_keys_are_secrets_of_their_own():
    redactor = Redactor()
    redactor.learn("https://user:pa55word@hooks.example/services/T0/B0/token?x=1")
    redactor.learn("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----")
    text = "hooks.example refused /services/T0/B0/token?x=1 with pa55word and MC4CAQAwBQYDK2Vw"
    assert redactor.clean(text) == f"hooks.example refused {HIDDEN} with {HIDDEN} and {HIDDEN}"


def test_short_words_and_other_texts_are_left_alone():
    redactor = Redactor()
    redactor.learn("abc")
    redactor.learn("")
    assert redactor.clean("abc def") == "abc def"


def test_it_is_bounded():
    redactor = Redactor()
    for number in range(3000):
        redactor.learn(f"secret-{number}")
    assert len(redactor._known) <= 4096
    assert "secret-2999" not in redactor.clean("secret-2999")


def test_the_log_hides_secrets_in_lines_and_tracebacks():
    observe.reset()
    out = StringIO()
    observe.configure_logging(observe.LogOptions(format="json", level="debug"), out)
    observe.conceal("s3cret-word")
    try:
        logging.getLogger("somebody.else").warning("logging in with %s", "s3cret-word")
        try:
            int("bad s3cret-word")
        except ValueError:
            logging.getLogger("agentwatch").exception("it failed")
    finally:
        lines = observe.last_lines()
        observe.reset()
    assert "s3cret-word" not in out.getvalue()
    assert out.getvalue().count(HIDDEN) >= 2
    assert [line.strip() for line in lines] == out.getvalue().strip().splitlines()
    assert observe.last_lines() == ()
