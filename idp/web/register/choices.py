"""The choices of form 01: provinces and their communes, agencies and those beneath them.

A choice in two steps works without script (a button asks for the second list) and stays short on small screens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from idp.officers.agencies import Agency, Tree
from idp.registration.divisions import Division, divisions

REGIONS = ("central", "province", "defence", "police")
"""Kinds of agencies that have others beneath them."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The lists for the current choices."""

    provinces: list[Division]
    communes: list[Division]
    regions: list[Agency]
    region: str
    agencies: list[Agency]
    agency: Agency | None

    @property
    def province_options(self) -> list[tuple[str, str]]:
        return [(one.code, one.label) for one in self.provinces]

    @property
    def commune_options(self) -> list[tuple[str, str]]:
        return [(one.code, one.label) for one in self.communes]


def choices(tree: Tree, typed: Mapping[str, str], day: date) -> Choices:
    """The lists; the region is the chosen one, that of the chosen agency, or that of the province."""
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
    """The agency of a region and all beneath it that accept declarations; the central one stands alone."""
    top = tree.get(region)
    if top is None or top.kind not in REGIONS:
        return []
    if top.kind == "central":
        return [top] if top.is_open(day) else []
    beneath = tree.beneath(region)
    return [one for one in tree.open(day) if one.code in beneath]


def _region_of(tree: Tree, code: str) -> str:
    return next((c for c in tree.above(code) if (one := tree.get(c)) and one.kind in REGIONS), "")
