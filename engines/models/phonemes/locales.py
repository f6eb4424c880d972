"""How numbers, symbols and abbreviations are read aloud in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Locale:
    """The conventions of one language.

    Attributes:
        speller: name of the language for num2words.
        thousands: characters that group digits.
        decimal: character before the fraction.
        point: how that character is read.
        minus: how a negative sign is read.
        to: how a range such as 5–10 is read.
        percent: how % is read.
        ordinals: regular expression of the suffixes that make a number an ordinal.
        feminine: those of them that make it feminine.
        clock: character between hours and minutes.
        hour: word between hours and minutes, may be empty.
        symbols: symbol → words.
        currencies: sign → (singular, plural, plural of the hundredth).
        cents: word between the units and the hundredths.
        units: abbreviated unit after a number → word in the plural.
        abbreviations: abbreviation as written, without its last stop → words.
    """

    speller: str
    thousands: str
    decimal: str
    point: str
    minus: str
    to: str
    percent: str
    ordinals: str
    feminine: str
    clock: str
    hour: str
    symbols: Mapping[str, str]
    currencies: Mapping[str, tuple[str, str, str]]
    cents: str
    units: Mapping[str, str]
    abbreviations: Mapping[str, str]


_EN: Final = Locale(
    speller="en", thousands=",", decimal=".", point="point", minus="minus", to="to", percent="percent",
    ordinals="st|nd|rd|th", feminine="", clock=":", hour="", cents="and",
    symbols={"&": "and", "@": "at", "#": "number", "+": "plus", "=": "equals", "°": "degrees", "×": "times",
             "÷": "divided by", "§": "section", "™": "trademark", "©": "copyright", "€": "euros", "$": "dollars",
             "£": "pounds", "<": "less than", ">": "greater than", "λ": "lambda", "%": "percent"},
    currencies={"$": ("dollar", "dollars", "cents"), "£": ("pound", "pounds", "pence"),
                "€": ("euro", "euros", "cents"), "¥": ("yen", "yen", "sen")},
    units={"km/h": "kilometers per hour", "km": "kilometers", "cm": "centimeters", "mm": "millimeters", "kg":
           "kilograms", "mg": "milligrams", "ml": "milliliters", "ms": "milliseconds", "min": "minutes", "mph":
           "miles per hour", "ft": "feet", "lb": "pounds", "GB": "gigabytes", "MB": "megabytes", "kHz":
           "kilohertz", "Hz": "hertz", "°C": "degrees Celsius", "°F": "degrees Fahrenheit"},
    abbreviations={"Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "St": "Saint",
                   "vs": "versus", "etc": "et cetera", "e.g": "for example", "i.e": "that is", "Jr": "Junior",
                   "Sr": "Senior", "approx": "approximately", "a.m": "a m", "p.m": "p m", "Inc": "Incorporated",
                   "Ltd": "Limited", "Co": "Company", "Mt": "Mount", "U.S": "U S", "U.K": "U K"},
)  # fmt: skip

_ES: Final = Locale(
    speller="es", thousands=".", decimal=",", point="coma", minus="menos", to="a", percent="por ciento",
    ordinals="º|ª|°|er|ro|ra|do|da|to|ta", feminine="ª|ra|da|ta", clock=":", hour="y", cents="con",
    symbols={"&": "y", "@": "arroba", "#": "número", "+": "más", "=": "igual a", "°": "grados", "×": "por",
             "÷": "entre", "€": "euros", "$": "dólares", "£": "libras", "<": "menor que", ">": "mayor que",
             "λ": "lambda", "%": "por ciento"},
    currencies={"$": ("dólar", "dólares", "centavos"), "£": ("libra", "libras", "peniques"),
                "€": ("euro", "euros", "céntimos"), "¥": ("yen", "yenes", "sen")},
    units={"km/h": "kilómetros por hora", "km": "kilómetros", "cm": "centímetros", "mm": "milímetros", "kg":
           "kilogramos", "g": "gramos", "m": "metros", "min": "minutos", "GB": "gigabytes", "MB": "megabytes",
           "°C": "grados Celsius", "h": "horas"},
    abbreviations={"Sr": "señor", "Sra": "señora", "Srta": "señorita", "Dr": "doctor", "Dra": "doctora",
                   "Ud": "usted", "Uds": "ustedes", "etc": "etcétera", "p. ej": "por ejemplo", "pág": "página",
                   "núm": "número", "a.m": "a eme", "p.m": "pe eme", "EE.UU": "Estados Unidos",
                   "EE. UU": "Estados Unidos"},
)  # fmt: skip

_FR: Final = Locale(
    speller="fr", thousands=" .", decimal=",", point="virgule", minus="moins", to="à", percent="pour cent",
    ordinals="ers?|re|res|e|es|ème|èmes|nd|nde", feminine="re|res|nde", clock=":h", hour="heures", cents="",
    symbols={"&": "et", "@": "arobase", "#": "numéro", "+": "plus", "=": "égale", "°": "degrés", "×": "fois",
             "÷": "divisé par", "€": "euros", "$": "dollars", "£": "livres", "<": "inférieur à",
             ">": "supérieur à", "λ": "lambda", "%": "pour cent"},
    currencies={"$": ("dollar", "dollars", ""), "£": ("livre", "livres", ""), "€": ("euro", "euros", ""),
                "¥": ("yen", "yens", "")},
    units={"km/h": "kilomètres par heure", "km": "kilomètres", "cm": "centimètres", "mm": "millimètres", "kg":
           "kilogrammes", "g": "grammes", "m": "mètres", "min": "minutes", "Go": "gigaoctets", "Mo":
           "mégaoctets", "°C": "degrés Celsius", "h": "heures"},
    abbreviations={"M": "monsieur", "Mme": "madame", "Mlle": "mademoiselle", "MM": "messieurs", "Dr": "docteur",
                   "etc": "et cétéra", "p. ex": "par exemple", "c.-à-d": "c'est-à-dire", "n°": "numéro"},
)  # fmt: skip

_IT: Final = Locale(
    speller="it", thousands=".", decimal=",", point="virgola", minus="meno", to="a", percent="per cento",
    ordinals="º|ª|°", feminine="ª", clock=":", hour="e", cents="e",
    symbols={"&": "e", "@": "chiocciola", "#": "numero", "+": "più", "=": "uguale", "°": "gradi", "×": "per",
             "÷": "diviso", "€": "euro", "$": "dollari", "£": "sterline", "<": "minore di", ">": "maggiore di",
             "λ": "lambda", "%": "per cento"},
    currencies={"$": ("dollaro", "dollari", "centesimi"), "£": ("sterlina", "sterline", "penny"),
                "€": ("euro", "euro", "centesimi"), "¥": ("yen", "yen", "sen")},
    units={"km/h": "chilometri all'ora", "km": "chilometri", "cm": "centimetri", "mm": "millimetri", "kg":
           "chili", "g": "grammi", "m": "metri", "min": "minuti", "GB": "gigabyte", "MB": "megabyte", "°C":
           "gradi Celsius"},
    abbreviations={"Sig": "signor", "sig": "signor", "sig.ra": "signora", "Sig.ra": "Signora", "Dott": "dottor",
                   "dott": "dottor", "Dr": "dottor", "Prof": "professor", "prof": "professor", "ecc": "eccetera",
                   "es": "esempio", "pag": "pagina"},
)  # fmt: skip

_PT: Final = Locale(
    speller="pt_BR", thousands=".", decimal=",", point="vírgula", minus="menos", to="a", percent="por cento",
    ordinals="º|ª|°", feminine="ª", clock=":h", hour="e", cents="e",
    symbols={"&": "e", "@": "arroba", "#": "número", "+": "mais", "=": "igual a", "°": "graus", "×": "vezes",
             "÷": "dividido por", "€": "euros", "$": "dólares", "£": "libras", "<": "menor que",
             ">": "maior que", "λ": "lambda", "%": "por cento"},
    currencies={"R$": ("real", "reais", "centavos"), "$": ("dólar", "dólares", "centavos"),
                "£": ("libra", "libras", "pence"), "€": ("euro", "euros", "cêntimos"), "¥": ("iene", "ienes", "sen")},
    units={"km/h": "quilômetros por hora", "km": "quilômetros", "cm": "centímetros", "mm": "milímetros", "kg":
           "quilos", "g": "gramas", "m": "metros", "min": "minutos", "GB": "gigabytes", "MB": "megabytes", "°C":
           "graus Celsius"},
    abbreviations={"Sr": "senhor", "Sra": "senhora", "Srta": "senhorita", "Dr": "doutor", "Dra": "doutora",
                   "etc": "etcétera", "p. ex": "por exemplo", "pág": "página", "nº": "número", "Prof": "professor"},
)  # fmt: skip

LOCALES: Final[Mapping[str, Locale]] = MappingProxyType({"en": _EN, "es": _ES, "fr": _FR, "it": _IT, "pt": _PT})
"""By ISO 639-1 code; Chinese has its own module."""
