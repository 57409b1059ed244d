"""Kinds of numbers in output records. The kind says to how many digits `sensing.published_numbers` rounds a field.

Fields of output structs have one of these types instead of ``float``. What has no kind is rounded as an expectation.
`sensing.contracts.schemas` adds the words of ``UNIT`` to the description of a field.
"""

from typing import Annotated

from msgspec import Meta

EXPECTATION_MORE = 3
"""Decimals of an expectation beyond those of its unit."""
DURATION_DECIMALS = 2
RATIO_DIGITS = 4
MEASURE_DIGITS = 6

EXACT = "exact"
"""Kind of numbers that are constants of the contract."""
UNIT = "x-unit"
"""Keyword of the unit of a kind. It is part of no published schema."""


def _kind(kind: str, unit: str) -> Meta:
    return Meta(extra={"kind": kind}, extra_json_schema={UNIT: unit})


Quantity = Annotated[float, _kind("quantity", "Base units, at the decimals of the unit.")]
Expectation = Annotated[float, _kind("expectation", "Base units or lines, to 3 more decimals than the unit.")]
Money = Annotated[float, _kind("money", "Money in `currency`, at its decimals (ISO 4217).")]
BaseMoney = Annotated[float, _kind("base_money", "Money in `base_currency`, at its decimals (ISO 4217).")]
Price = Annotated[float, _kind("measure", "Money per base unit in `currency`, to 6 significant digits.")]
Ratio = Annotated[float, _kind("ratio", "A ratio, to 4 significant digits.")]
Duration = Annotated[float, _kind("duration", "Days, to 2 decimals.")]
Measure = Annotated[float, _kind("measure", "In the unit of its source, to 6 significant digits.")]
Exact = Annotated[float, _kind(EXACT, "A constant.")]

CURRENCY_DECIMALS_USUAL = 2
CURRENCY_DECIMALS = (
    dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
         "XOF", "XPF"), 0)
    | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
    | dict.fromkeys(("CLF", "UYW"), 4)
)  # fmt: skip
"""Decimals of currencies that have not two (ISO 4217, minor units)."""


def currency_decimals(currency: str | None) -> int:
    """Decimals of amounts in a currency; of one that is not known, two."""
    return CURRENCY_DECIMALS.get(currency or "", CURRENCY_DECIMALS_USUAL)
