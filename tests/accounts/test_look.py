"""The front end: vendored files as published, licences, contrast, icons that exist."""

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "manifest.json").read_text())["packages"]
CSS = (ROOT / "static" / "css" / "app.css").read_text()
TOKENS = {
    name: pair
    for name, *pair in re.findall(
        r"--lab-([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS
    )
}
# Foreground and background that meet somewhere. WCAG 2.2 AA asks 4.5 of text, 3 of controls.
TEXT = [
    *[("ink", ground) for ground in ("paper", "surface", "sunken", "accent-soft")],
    *[("ink-2", ground) for ground in ("paper", "surface", "sunken")],
    *[("accent", ground) for ground in ("paper", "surface", "sunken", "accent-soft")],
    *[(tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "busy", "idle")],
    *[(tone, "surface") for tone in ("good", "warn", "bad", "busy")],
    *[("ink", f"{tone}-soft") for tone in ("good", "warn", "bad", "busy", "idle")],
    ("side-ink", "side"),
    ("side-ink", "side-active"),
    ("side-quiet", "side"),
]
CONTROLS = [("field-line", "surface"), ("focus", "paper"), ("focus", "surface")]
THEMES = ("light", "dark")


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [(*pair, 4.5) for pair in TEXT] + [(*pair, 3.0) for pair in CONTROLS],
)
def test_colours_can_be_told_apart(theme, front, back, least):
    index = THEMES.index(theme)

    assert contrast(TOKENS[front][index], TOKENS[back][index]) >= least


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("fill", ["accent-fill", "accent-fill-2"])
def test_white_can_be_read_on_buttons(theme, fill):
    assert contrast("#ffffff", TOKENS[fill][THEMES.index(theme)]) >= 4.5


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_vendored_files_are_those_of_the_manifest(package):
    folder = VENDOR / package["folder"]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}

    assert found == package["sha256"]
    assert "LICENSE.txt" in found
    assert package["licence"] in ("MIT", "0BSD")
    assert package["source"] == f"npm:{package['name']}@{package['version']}"


def test_nothing_is_vendored_beside_the_manifest():
    folders = {path.name for path in VENDOR.iterdir() if path.is_dir()}

    assert folders == {package["folder"] for package in PACKAGES}


def test_the_manifest_is_what_the_script_would_fetch():
    script = (ROOT / ".ci" / "refresh_vendor.py").read_text()

    for package in PACKAGES:
        assert f'"{package["name"]}",\n        "{package["version"]}"' in script or (
            f'Package("{package["name"]}", "{package["version"]}"' in script
        )


def test_every_icon_that_a_template_names_is_in_the_sprite():
    sprite = (VENDOR / "icons" / "sprite.svg").read_text()
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    named = set()
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        named |= set(re.findall(r'icon\.html" with name="([^"]+)"', text))
        named |= set(re.findall(r'\bicon="([^"]+)"', text))

    assert named <= known


def test_no_template_has_inline_script_style_or_a_foreign_address():
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), template
        assert "<style" not in text, template
        assert not re.search(r"\bon(click|change|load|submit|input)=", text), template
        assert not re.search(r"(src|href)=\"(https?:)?//", text), template
