"""Words for control modes, and the numbering of steps."""

import re

import polars as pl

POLARITY = (
    ("discharge", re.compile(r"dchg|disch|dischg|放电")),
    ("charge", re.compile(r"chg|char|充电")),
)
# The first that is found decides, so that combined modes come before their parts.
MODES = (
    ("cccv", re.compile(r"cccv|恒流恒压")),
    ("cpcv", re.compile(r"cpcv|恒功率恒压")),
    ("crcv", re.compile(r"crcv")),
    ("cc", re.compile(r"cc|恒流")),
    ("cv", re.compile(r"cv|恒压")),
    ("cp", re.compile(r"cp|恒功率")),
    ("cr", re.compile(r"cr|恒阻")),
)
WORDS = (
    ("rest", re.compile(r"rest|idle|静置|搁置")),
    ("ocv", re.compile(r"ocv|opencircuit")),
    ("pause", re.compile(r"paus|暂停")),
    ("pulse", re.compile(r"pulse|脉冲")),
    ("simulation", re.compile(r"^sim|工况")),
)
PLAIN = {"charge", "discharge"}


def normalise(word: str) -> str:
    """``"CCCV_Chg"`` -> ``"cccv_charge"``; words that are no mode of ours become ``other``."""
    plain = re.sub(r"[^0-9a-z\u4e00-\u9fff]", "", word.lower())
    for name, pattern in WORDS:
        if pattern.search(plain):
            return name
    polarity = next((name for name, pattern in POLARITY if pattern.search(plain)), None)
    if polarity is None:
        return "other"
    mode = next((name for name, pattern in MODES if pattern.search(plain)), None)
    return polarity if mode is None else f"{mode}_{polarity}"


def normalise_column(words: pl.Series) -> pl.Series:
    """``normalise`` for a column; each distinct word is looked at once.

    A step has one word, so that runs of equal words are looked up, not cells.
    """
    if words.dtype != pl.Categorical:
        words = words.cast(pl.String)
    run = words.to_physical().rle_id()
    heads = words.filter(run.diff().fill_null(1) != 0).cast(pl.String)
    distinct = heads.drop_nulls().unique()
    names = pl.Series([normalise(word) for word in distinct], dtype=pl.String)
    named = heads.replace_strict(distinct, names, default=None, return_dtype=pl.String)
    return named.cast(pl.Categorical).gather(run).alias(words.name)


def number_steps(frame: pl.DataFrame) -> pl.Series | None:
    """A number that grows by one wherever the instrument began a step.

    That is where its cycle, step number or control mode changes, or the time within
    the step falls back. None where no column tells of steps.
    """
    changes = [
        pl.col(name).ne_missing(pl.col(name).shift())
        for name in ("cycle_count", "step_id", "step_type")
        if name in frame.columns
    ]
    if "step_time_second" in frame.columns:
        changes.append((pl.col("step_time_second").diff() < 0).fill_null(value=False))
    if not {"step_id", "step_type", "step_time_second"} & set(frame.columns):
        return None
    begins = pl.any_horizontal(changes) & (pl.int_range(pl.len()) > 0)
    return frame.select((begins.cast(pl.Int32).cum_sum() + 1).alias("step_count")).to_series()
