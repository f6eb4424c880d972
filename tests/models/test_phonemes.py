"""Text becomes phonemes in every language that is spoken, whatever is in the text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.errors import TextUnspeakable, VoiceUnavailable
from engines.models.phonemes import LANGUAGES, mandarin, normalise, phonemize
from engines.models.phonemes.alphabets import encode, to_alphabet


def texts(text, language="en"):
    return [s.text for s in phonemize(text, language, "kokoro")]


def sounds(text, language="en", alphabet="kokoro"):
    return " ".join(s.phonemes for s in phonemize(text, language, alphabet))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Meet me at 3 p.m. today.", "Meet me at three p m today."),
        ("It costs $5.", "It costs five dollars."),
        ("It costs $12.50!", "It costs twelve dollars and fifty cents!"),
        ("$3 million was lost.", "three million dollars was lost."),
        ("Dr. Smith is #1.", "Doctor Smith is number one."),
        ("Rock & roll is 25% better.", "Rock and roll is twenty five percent better."),
        ("The 1st of May, 1999", "The first of May, nineteen ninety nine"),
        ("We left at 10:05.", "We left at ten oh five."),
        ("It was -3.5 km away.", "It was minus three point five kilometers away."),
        ("1,234 people", "one thousand, two hundred and thirty four people"),
        ("Pages 5-10", "Pages five to ten"),
        ("Call 123-4567.", "Call one two three, four five six seven."),
        ("Go to www.example.com now.", "Go to www dot example dot com now."),
        ("well-known – and — loved", "well known and, loved"),
        ("#speech is fun", "speech is fun"),
    ],
)
def test_english_is_written_out(written, spoken):
    assert texts(written) == [spoken]


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("es", "Cuesta 1.234,50 €.", "Cuesta mil doscientos treinta y cuatro euros con cincuenta céntimos."),
        ("es", "El Sr. López, 1ª planta", "El señor López, primera planta"),
        ("fr", "M. Dupont vient à 15 h 30.", "monsieur Dupont vient à quinze heures trente."),
        ("fr", "le 1er mai", "le premier mai"),
        ("es", "Tiene 1 € en el 3er piso.", "Tiene un euro en el tercer piso."),
        ("it", "Sono 12 euro.", "Sono dodici euro."),
        ("pt", "Custa R$ 3,50.", "Custa três reais e cinquenta centavos."),
        ("zh", "2024年8:30花了25%", "二零二四年八点三十分花了百分之二十五"),
    ],
)
def test_other_languages_are_written_out(language, written, spoken):
    assert texts(written, language) == [spoken]


@pytest.mark.parametrize(
    ("digits", "characters"),
    [
        ("0", "零"),
        ("10", "十"),
        ("12.5", "十二点五"),
        ("105", "一百零五"),
        ("10005", "一万零五"),
        ("120000", "十二万"),
        ("007", "零零七"),
        ("100,000,000", "一亿"),
    ],
)
def test_chinese_numbers(digits, characters):
    assert mandarin.number(digits) == characters


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "better people", "bˈɛTəɹ pˈipᵊl"),
        ("en", "the apple, the pear", "ði ˈæpᵊl, ðə pˈɛɹ"),
        ("en", "hello world", "həlˈO wˈɜɹld"),
        ("es", "guerra", "ɡˈera"),
        ("fr", "un bon vin blanc", "œ̃ bˈɔ̃ vˈɛ̃ blˈɑ̃"),
        ("it", "città", "ʧitːˈa"),
        ("pt", "não", "nˈɐ̃ʊ̃"),
        ("pt", "cidade", "sidˈaʤy"),
        ("pt", "quinze", "kˈiŋzy"),
        ("pt", "espécie", "espˈɛsy"),
        ("it", "rapida", "rˈapida"),
        ("it", "bambini", "bambˈinɪ"),
        ("zh", "你好", "ni↓xau↓"),
    ],
)
def test_kokoro_alphabet(language, text, expected):
    assert sounds(text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("les enfants", "lez ɑ̃fˈɑ̃"),
        ("les héros", "le eʁˈo"),
        ("nous avons", "nuz avˈɔ̃"),
        ("nous parlons", "nu paʁlˈɔ̃"),
        ("un petit ami", "œ̃ pətˈit amˈi"),
        ("tous les jours", "tu le ʒˈuʁ"),
    ],
)
def test_french_liaison(text, expected):
    assert sounds(text, "fr") == expected


def test_liaison_does_not_stick_to_a_word():
    before = sounds("nous parlons", "fr")
    sounds("nous avons une maison, nous avons un chat", "fr")
    assert sounds("nous parlons", "fr") == before


def test_piper_alphabet_keeps_espeak_symbols():
    assert sounds("Hello world.", "en", "espeak") == "həlˈoʊ wˈɜːld."


def test_acronyms_keep_the_letter_a():
    assert "ˈA" in sounds("the USA won")


def test_sentences_come_one_by_one():
    assert len(texts("One here. Two here! Three here? Mr. Four is here.")) == 4


def test_capitals_are_read_as_words():
    assert sounds("THE WEATHER IS GOOD TODAY.") == sounds("the weather is good today.")


@pytest.mark.parametrize("text", ["", "   ", "...", "😀👍🏽", "!?", "\n\n", "\u200b", "—"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_to_say(text, language):
    with pytest.raises(TextUnspeakable, match="can be pronounced"):
        list(phonemize(text, language, "kokoro"))


def test_script_of_another_language_is_dropped_and_counted():
    (sentence,) = phonemize("日本 hello", "en", "kokoro")
    assert sentence.phonemes == "həlˈO"
    assert sentence.dropped == 1
    with pytest.raises(TextUnspeakable):
        list(phonemize("日本", "en", "kokoro"))


def test_emoji_is_dropped_and_counted():
    (sentence,) = phonemize("I am happy 😀.", "en", "kokoro")
    assert sentence.text == "I am happy."
    assert sentence.dropped == 1


def test_english_inside_chinese_is_spoken():
    assert "ˈA ˈI" in sounds("我喜欢AI模型。", "zh")


def test_unknown_language_names_those_there_are():
    with pytest.raises(VoiceUnavailable) as caught:
        list(phonemize("Guten Tag", "de", "kokoro"))
    assert "en, es, fr, it, pt, zh" in caught.value.hint


def test_missing_symbols_are_dropped_and_counted():
    encoded = encode("a☃b c", {"a": 1, "b": 2})
    assert encoded.ids == (1, 2)
    assert encoded.dropped == 2


def test_ipa_of_another_tool_is_accepted():
    assert to_alphabet("t͡ʃˈa", "es", "kokoro") == "ʧˈa"


def test_full_width_forms_become_plain():
    assert normalise.clean("ＡＢＣ１２３").text == "ABC123"


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60), st.sampled_from(LANGUAGES))
def test_any_text_is_spoken_or_refused(text, language):
    try:
        said = list(phonemize(text, language, "kokoro"))
    except TextUnspeakable:
        return
    assert all(sentence.phonemes for sentence in said)
