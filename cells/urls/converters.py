"""Parts of addresses: a kind of node by its plural, as in ``/materials/active-materials/``."""

from cells.kinds import BY_SLUG, KINDS, Kind


class KindConverter:
    regex = "|".join(sorted(BY_SLUG, key=len, reverse=True))

    def to_python(self, value: str) -> Kind:
        return BY_SLUG[value]

    def to_url(self, value: Kind | str) -> str:
        """Also a kind's key, as models have it."""
        if isinstance(value, Kind):
            return value.slug
        return KINDS[value].slug if value in KINDS else BY_SLUG[value].slug


class SeveralKindConverter(KindConverter):
    """Kinds of which several are defined at once in a table of numbers."""

    regex = "|".join(sorted(KINDS[key].slug for key in ("cell-geometry", "electrode")))


class LotKindConverter(KindConverter):
    """Only kinds that have lots."""

    regex = "|".join(
        sorted((kind.slug for kind in KINDS.values() if kind.has_lots), key=len, reverse=True)
    )
