"""The cycle of a cell's life at which a spectrum was measured.

A file begins at the start cycle that its name or a person says. What its own numbers count
is a matter of the format: EC-Lab's ``cycle number`` goes up with each sweep of a PEIS or
GEIS, whatever the cell does meanwhile; the columns of other tables count cycles of the cell.
"""

COUNT_SWEEPS = frozenset({"biologic_mpr", "biologic_mpt"})


def cycle_of(start: int | None, own: int | None, format_name: str) -> int | None:
    """Start cycle + own number where that counts cycles, as for cycling; else the start cycle.

    Without a start cycle the own number is all there is.

    >>> cycle_of(100, 7, "impedance_text"), cycle_of(100, 7, "biologic_mpt")
    (107, 100)
    >>> cycle_of(None, 7, "biologic_mpt"), cycle_of(100, None, "impedance_text")
    (7, 100)
    """
    if start is None:
        return own
    return start if own is None or format_name in COUNT_SWEEPS else start + own
