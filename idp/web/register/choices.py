"""What the pickers of form 01 offer: provinces and their communes, agencies and those beneath them.

A picker in two steps works without script (a button asks for the second list) and is not long on a small screen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from idp.desk.agencies import Agency, Tree
from idp.desk.divisions import Division, divisions

REGIONS = ("central", "province", "defence", "police")
"""Kinds of agencies that others are beneath of."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The lists for what is chosen so far."""

    provinces: list[Division]
    communes: list[Division]
    regions: list[Agency]
    region: str
    agencies: list[Agency]
    agency: Agency | None

    @property
    def province_options(self) -> list[tuple[str, str]]:
        return [(one.code, one.shown) for one in self.provinces]

    @property
    def commune_options(self) -> list[tuple[str, str]]:
        return [(one.code, one.shown) for one in self.communes]


def choices(tree: Tree, typed: Mapping[str, str], day: date) -> Choices:
    """The lists; an agency's region is the one that was chosen, that of the agency, or that of the province."""
    province, agency = typed.get("province", ""), tree.get(typed.get("agency", ""))
    region = typed.get("region", "") or (_region_of(tree, agency.code) if agency else "") or f"0{province}"
    return Choices(
        divisions().provinces(day),
        divisions().communes(province),
        [one for one in tree.open(day) if one.kind in REGIONS],
        region,
        within(tree, region, day),
        agency,
    )


def within(tree: Tree, region: str, day: date) -> list[Agency]:
    """The agency of a region and all that take declarations beneath it; the central one stands alone."""
    top = tree.get(region)
    if top is None or top.kind not in REGIONS:
        return []
    if top.kind == "central":
        return [top] if top.is_open(day) else []
    beneath = tree.beneath(region)
    return [one for one in tree.open(day) if one.code in beneath]


def _region_of(tree: Tree, code: str) -> str:
    return next((c for c in tree.above(code) if (one := tree.get(c)) and one.kind in REGIONS), "")
