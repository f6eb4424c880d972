"""Names of the languages: those that can be spoken to Whisper, and those that are offered as targets."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from engines.errors import UnknownLanguage

TARGETS: Final = ("en", "es", "fr", "de", "it", "pt", "zh")
"""ISO 639-1 codes of the languages that can be translated to."""

NAMES: Final = MappingProxyType(
    {
        "en": "English", "zh": "Chinese", "de": "German", "es": "Spanish", "ru": "Russian", "ko": "Korean",
        "fr": "French", "ja": "Japanese", "pt": "Portuguese", "tr": "Turkish", "pl": "Polish", "ca": "Catalan",
        "nl": "Dutch", "ar": "Arabic", "sv": "Swedish", "it": "Italian", "id": "Indonesian", "hi": "Hindi",
        "fi": "Finnish", "vi": "Vietnamese", "he": "Hebrew", "uk": "Ukrainian", "el": "Greek", "ms": "Malay",
        "cs": "Czech", "ro": "Romanian", "da": "Danish", "hu": "Hungarian", "ta": "Tamil", "no": "Norwegian",
        "th": "Thai", "ur": "Urdu", "hr": "Croatian", "bg": "Bulgarian", "lt": "Lithuanian", "la": "Latin",
        "mi": "Maori", "ml": "Malayalam", "cy": "Welsh", "sk": "Slovak", "te": "Telugu", "fa": "Persian",
        "lv": "Latvian", "bn": "Bengali", "sr": "Serbian", "az": "Azerbaijani", "sl": "Slovenian", "kn": "Kannada",
        "et": "Estonian", "mk": "Macedonian", "br": "Breton", "eu": "Basque", "is": "Icelandic", "hy": "Armenian",
        "ne": "Nepali", "mn": "Mongolian", "bs": "Bosnian", "kk": "Kazakh", "sq": "Albanian", "sw": "Swahili",
        "gl": "Galician", "mr": "Marathi", "pa": "Punjabi", "si": "Sinhala", "km": "Khmer", "sn": "Shona",
        "yo": "Yoruba", "so": "Somali", "af": "Afrikaans", "oc": "Occitan", "ka": "Georgian", "be": "Belarusian",
        "tg": "Tajik", "sd": "Sindhi", "gu": "Gujarati", "am": "Amharic", "yi": "Yiddish", "lo": "Lao",
        "uz": "Uzbek", "fo": "Faroese", "ht": "Haitian Creole", "ps": "Pashto", "tk": "Turkmen", "nn": "Nynorsk",
        "mt": "Maltese", "sa": "Sanskrit", "lb": "Luxembourgish", "my": "Myanmar", "bo": "Tibetan", "tl": "Tagalog",
        "mg": "Malagasy", "as": "Assamese", "tt": "Tatar", "haw": "Hawaiian", "ln": "Lingala", "ha": "Hausa",
        "ba": "Bashkir", "jw": "Javanese", "su": "Sundanese",
    }
)  # fmt: skip
"""Whisper's language codes and their English names, the commonest in its training data first."""


_RENAMED: Final = MappingProxyType({"cmn": "zh", "nb": "no", "fil": "tl", "jv": "jw", "iw": "he"})
"""Codes that corpora write otherwise than Whisper."""


def of_locale(name: str) -> str:
    """The code of a locale as corpora write it: ``zh-CN``, ``pt_br`` and ``cmn_hans_cn`` give zh, pt and zh."""
    code = name.replace("_", "-").partition("-")[0].lower()
    return _RENAMED.get(code, code)


def name_of(code: str) -> str:
    """The English name of a language.

    Raises:
        UnknownLanguage: no such code.
    """
    try:
        return NAMES[code]
    except KeyError:
        raise UnknownLanguage(
            f"There is no language {code!r}.", "Give a code such as en, es, fr, de, it, pt or zh."
        ) from None


def require_target(code: str) -> str:
    """Returns ``code`` if it is one of the languages that can be translated to.

    Raises:
        UnknownLanguage: it is not.
    """
    if code not in TARGETS:
        offered = ", ".join(f"{c} ({NAMES[c]})" for c in TARGETS)
        raise UnknownLanguage(
            f"Triptych does not translate to {NAMES.get(code, repr(code))}.", f"Choose from {offered}."
        )
    return code
