"""Remarks: sentences after the reason of an exception, about money, importance and its deadline. `exception_state` adds
them.
"""

from sensing.detection.finding import Finding, is_strategic
from sensing.detection.sentences import number


def remarks(finding: Finding, *, overdue: bool = False) -> str:
    """Sentences about a problem that holds, each after a blank; empty if it ends or there is nothing to remark.

    Money is remarked if its margin is known or if it is not ranked, importance if it raises the severity. ``overdue``:
    the deadline passed before anybody acknowledged the problem.
    """
    if finding.cleared or finding.final:
        return ""
    found = [_money(finding), _item(finding)]
    if finding.customer is not None and is_strategic(finding.customer):
        found.append(f"Customer {finding.customer.customer} is strategic.")
    if overdue:
        found.append("Nobody had acknowledged it by its deadline.")
    return "".join(f" {sentence}" for sentence in found if sentence)


def _money(finding: Finding) -> str:
    if not finding.money:
        return ""
    amount = f"{number(finding.money)} {finding.currency or ''}".rstrip()
    margin = "" if finding.margin is None else f", {number(finding.margin)} of it margin"
    if finding.money_status == "ranked":
        return f"At stake: {amount}{margin}." if margin else ""
    return f"At stake: {amount}{margin}; not ranked by money, since {_missing(finding)}."


def _missing(finding: Finding) -> str:
    if finding.base_currency is None:
        return "several currencies are in use and no policy states the base currency"
    return f"no policy states a rate of {finding.currency} to {finding.base_currency}"


def _item(finding: Finding) -> str:
    words = [word for word, holds in (("strategic", finding.strategic), ("regulated", finding.regulated)) if holds]
    return f"The item is {' and '.join(words)}." if words else ""
