"""A lab of 100,000 wet cells with realistic skew, the same for the same seed.

A few electrolytes, boxes and molecules occur everywhere and most hardly ever (Zipf), as
in a lab that works around a handful of baselines. Run it to fill the database that
BATTERY_DB_DATABASE_URL names; ``bench_search.py`` does so by itself.
"""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

SEED = 20240131
MOLECULES, ELECTROLYTES, DRY_CELLS, BOXES = 100, 5_000, 2_000, 1_000
CELLS, FILES = 100_000, 300_000
FIRST_CELL = 10_001
BATCH = 2_000
MODIFIED = dt.datetime(2024, 1, 31, tzinfo=dt.UTC)


def fill(cells: int = CELLS, files: int = FILES) -> None:
    """Everything, by bulk inserts, in one transaction."""
    from django.db import connection, transaction

    chance = random.Random(SEED)  # reproducible, not secret
    with transaction.atomic():
        molecules = make_molecules()
        electrolytes = make_electrolytes(molecules, chance)
        dry_cells = make_dry_cells(chance)
        boxes = make_boxes(dry_cells, chance)
        make_cells(cells, electrolytes, (dry_cells, boxes), chance)
        make_files(files, cells, chance)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def skewed(chance: random.Random, rows: Sequence[Any], count: int, power: float = 1.0) -> list[Any]:
    """``count`` draws: the row of rank k with a weight of 1 / k ** power."""
    weights = list(accumulate(1 / rank**power for rank in range(1, len(rows) + 1)))
    return chance.choices(rows, cum_weights=weights, k=count)


def make_molecules() -> dict[str, list[Any]]:
    from cells.models import Molecule

    roles = {"solvent": 25, "salt": 10, "additive": MOLECULES - 35}
    made: dict[str, list[Any]] = {}
    for role, count in roles.items():
        rows = [
            Molecule(short_name=f"{role[:2].upper()}{number}", default_role=role)
            for number in range(count)
        ]
        for row in rows:
            row.render([])
        made[role] = Molecule.objects.bulk_create(rows)
    return made


def make_electrolytes(molecules: dict[str, list[Any]], chance: random.Random) -> list[Any]:
    from cells.compositions import Component, Recipe
    from cells.models import Electrolyte, ElectrolyteComponent

    recipes: dict[str, tuple[Any, Recipe, list[tuple[Any, Component]]]] = {}
    while len(recipes) < ELECTROLYTES:
        parts = list(components(molecules, chance))
        notes = "from company 5" if chance.random() < 0.02 else ""
        recipe = Recipe(tuple(part for _, part in parts), notes, chance.random() < 0.1)
        row = Electrolyte()
        row.apply(recipe, {part.molecule.casefold(): str(molecule.pk) for molecule, part in parts})
        recipes.setdefault(row.name_digest, (row, recipe, parts))
    rows = [row for row, _, _ in recipes.values()]
    Electrolyte.objects.bulk_create(rows, batch_size=BATCH)
    ElectrolyteComponent.objects.bulk_create(
        (
            ElectrolyteComponent(
                electrolyte=row,
                molecule=molecule,
                role=part.role,
                amount=part.amount,
                unit=part.unit,
            )
            for row, _, parts in recipes.values()
            for molecule, part in parts
        ),
        batch_size=BATCH,
    )
    return rows


def components(molecules: dict[str, list[Any]], chance: random.Random) -> Iterator[tuple[Any, Any]]:
    """One to four solvents that sum to 100, one salt or two, none to five additives."""
    from cells.compositions import Component

    solvents = unique(skewed(chance, molecules["solvent"], chance.choice((1, 2, 2, 3, 4))))
    left = 100
    for place, molecule in enumerate(solvents):
        others = len(solvents) - place - 1
        share = left if not others else chance.randrange(5, left - 5 * others + 1, 5)
        left -= share
        yield molecule, Component(molecule.name, "solvent", Decimal(share), "wt%")
    for molecule in unique(skewed(chance, molecules["salt"], chance.choice((1, 1, 1, 2)), 1.5)):
        amount = Decimal(chance.randrange(2, 25)) / 10
        yield molecule, Component(molecule.name, "salt", amount, "mol/kg")
    for molecule in unique(skewed(chance, molecules["additive"], chance.randrange(6))):
        known = None if chance.random() < 0.02 else Decimal(chance.randrange(1, 21)) / 4
        yield molecule, Component(molecule.name, "additive", known, "wt%")


def unique(rows: Sequence[Any]) -> list[Any]:
    return list({row.pk: row for row in rows}.values())


def make_dry_cells(chance: random.Random) -> list[Any]:
    from cells.models import CellGeometry, DryCell, Electrode, Separator

    def stored(model: Any, rows: list[Any]) -> list[Any]:
        for row in rows:
            row.render([])
        made: list[Any] = model.objects.bulk_create(rows, batch_size=BATCH)
        return made

    categories = CellGeometry.Category.values
    geometries = stored(
        CellGeometry,
        [CellGeometry(category=each, shown=["category"]) for each in categories],
    )
    electrodes = {
        polarity: stored(
            Electrode,
            [
                Electrode(
                    polarity=polarity,
                    notes=f"{polarity} {number}",
                    shown=["notes"],
                    loading_mg_cm2=Decimal(chance.randrange(50, 300)) / 10,
                )
                for number in range(count)
            ],
        )
        for polarity, count in (("cathode", 800), ("anode", 400))
    }
    separators = stored(
        Separator, [Separator(notes=f"film {n}", shown=["notes"]) for n in range(30)]
    )
    rows = []
    for number in range(DRY_CELLS):
        unknown = chance.random() < 0.05
        rows.append(
            DryCell(
                label=f"design {number}",
                geometry=None if unknown else skewed(chance, geometries, 1)[0],
                cathode=skewed(chance, electrodes["cathode"], 1, 0.5)[0],
                anode=None if unknown else skewed(chance, electrodes["anode"], 1, 0.7)[0],
                separator=skewed(chance, separators, 1)[0],
                nominal_capacity_ah=None if unknown else chance.randrange(20, 500) / 100,
            )
        )
    return stored(DryCell, rows)


def make_boxes(dry_cells: Sequence[Any], chance: random.Random) -> list[Any]:
    from cells.models import DryCellLot

    rows = [
        DryCellLot(box_id=f"B-{50_000 + number}", blueprint=dry_cell)
        for number, dry_cell in enumerate(skewed(chance, dry_cells, BOXES, 0.5))
    ]
    for row in rows:
        row.render()
    made: list[Any] = DryCellLot.objects.bulk_create(rows, batch_size=BATCH)
    return made


def make_cells(
    count: int,
    electrolytes: Sequence[Any],
    bodies: tuple[Sequence[Any], Sequence[Any]],
    chance: random.Random,
) -> None:
    from cells.models import Dataset, DatasetCell, WetCell

    dry_cells, boxes = bodies
    fillings = skewed(chance, electrolytes, count, 0.8)
    in_boxes, designs = skewed(chance, boxes, count, 0.6), skewed(chance, dry_cells, count, 0.8)
    rows = []
    for number in range(count):
        dice = chance.random()
        box = in_boxes[number] if dice < 0.8 else None
        dry_cell = box.blueprint if box else designs[number] if dice < 0.97 else None
        rows.append(
            WetCell(
                cell_id=FIRST_CELL + number,
                electrolyte=None if chance.random() < 0.03 else fillings[number],
                dry_cell=dry_cell,
                dry_cell_lot=box,
            )
        )
    WetCell.objects.bulk_create(rows, batch_size=BATCH)
    keys = list(WetCell.objects.order_by("pk").values_list("pk", flat=True))
    for number in range(20):
        dataset = Dataset.objects.create(name=f"study {number}", slug=f"study-{number}")
        members = chance.sample(keys, min(len(keys), 50 * (number + 1)))
        DatasetCell.objects.bulk_create(
            DatasetCell(dataset=dataset, wet_cell_id=m) for m in members
        )


def make_files(count: int, cells: int, chance: random.Random) -> None:
    """Three in four cells were cycled; one file in twenty has a name that says too little."""
    from cells.models import FileMetadata, Folder, RawFile

    racks = [Folder(name=f"rack {n}", path=f"/data/rack{n}") for n in range(5)]
    folders = Folder.objects.bulk_create(racks)
    cycled = [FIRST_CELL + number for number in range(cells) if number % 4]
    experiments = ("cycling", "cycling", "cycling", "cycling", "formation", "rpt", "impedance")
    for start in range(0, count, BATCH):
        files, about = [], []
        for number in range(start, min(count, start + BATCH)):
            said = _metadata(number, chance, chance.choice(cycled), chance.choice(experiments))
            day = f"{said['date']:%y%m%d}"
            name = (
                f"{said['operator']}_CYC_{said['cell_id']}_NW_c0_"
                f"{said['upper_cutoff_voltage'] * 10:.0f}V_{said['temperature_celsius']:.0f}C_"
                f"{chance.choice(('1C1C', 'C3C3', 'ratemap', '2C1C'))}_{day}_{number}.txt"
            )
            files.append(_file(folders[number % 5], name, number, chance.random() < 0.02))
            about.append(said)
        made = RawFile.objects.bulk_create(files)
        FileMetadata.objects.bulk_create(
            FileMetadata(file=file, **said) for file, said in zip(made, about, strict=True)
        )


def _metadata(number: int, chance: random.Random, cell_id: int, experiment: str) -> dict[str, Any]:
    return {
        "experiment": experiment,
        "cell_id": cell_id,
        "operator": chance.choice(("sb", "qw", "mo", "lt", "ek", "jr")),
        "upper_cutoff_voltage": chance.choice((4.1, 4.2, 4.2, 4.3, 4.35, 4.4)),
        "temperature_celsius": chance.choice((20.0, 30.0, 30.0, 40.0, 40.0, 55.0)),
        "date": dt.date(2016, 1, 1) + dt.timedelta(days=number // 90),
        "is_valid": chance.random() > 0.05,
    }


def _file(folder: Any, name: str, number: int, deprecated: bool) -> Any:
    from cells.models import RawFile

    return RawFile(
        folder=folder,
        path=f"{2016 + number // 40_000}/bay{number % 200}/{name}",
        name=name,
        size=3_000_000,
        modified_at=MODIFIED,
        changed_at=MODIFIED,
        mtime_ns=0,
        sha256=f"{number:064x}",
        state=RawFile.State.STABLE,
        deprecated=deprecated,
    )
