"""Customers by hash: the latest record in effect, at most so many, and the same after a restart."""

from sensing.contracts.reference import CustomerUpdated
from sensing.state.customers import Customers


def record(name: str, *, strategic: bool = False) -> CustomerUpdated:
    """A record of a customer."""
    return CustomerUpdated(event_id=name, customer=name, strategic=strategic)


def test_the_latest_record_in_effect_counts() -> None:
    """An earlier one that comes later changes nothing; one at the same time replaces."""
    customers = Customers()
    customers.apply(7, record("C"), 5)
    customers.apply(7, record("C", strategic=True), 5)
    customers.apply(7, record("C"), 4)

    assert customers.find(7) == record("C", strategic=True)
    assert customers.find(0) is None
    assert customers.find(8) is None


def test_a_full_table_refuses_new_customers() -> None:
    """It counts them, and still changes those it has."""
    customers = Customers(2)
    for key in (1, 2, 3, 4):
        customers.apply(key, record(f"C{key}"), 0)
    customers.apply(1, record("C1", strategic=True), 1)

    assert customers.refused == 2
    assert customers.find(3) is None
    assert customers.find(1) == record("C1", strategic=True)


def test_a_dump_restores_all() -> None:
    """Records, their times and the count of those refused."""
    customers = Customers(1)
    customers.apply(2**63 + 5, record("C", strategic=True), 9)
    customers.apply(4, record("D"), 9)
    again = Customers(1)
    again.load(customers.dump())

    assert again.dump() == customers.dump()
    assert again.refused == 1
    again.apply(2**63 + 5, record("C"), 8)
    assert again.find(2**63 + 5) == record("C", strategic=True)
