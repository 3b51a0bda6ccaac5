"""The documentation builds without a warning, needs no network, and its code runs."""

import logging
import re
import shutil

import pytest
from helpers import ROOT
from snippets import PAGES, read, run, snippets

import ddsp_lab as dl
from ddsp_lab import Block, Optimizer, Target
from ddsp_lab._checks import CHECKS
from ddsp_lab._errors import CODES

PLAYED = "gain,soft_clip,hiss,oscillator"  # in the short build: one of each kind of picture that compiles quickly
AUDIO = ROOT / "examples" / "audio"
CHROMIUM = shutil.which("chromium")


def built(folder, play):
    """The site, built strictly; raises at any warning."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDSP_LAB_DOCS_PLAY", play)
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
        build(config)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    said = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("mkdocs").addHandler(handler)
    try:
        yield built(tmp_path_factory.mktemp("site"), PLAYED)
    finally:
        logging.getLogger("mkdocs").removeHandler(handler)
    assert said == []


def test_every_block_target_and_optimizer_has_its_place(site):
    for name, cls in Block.registry.items():
        if cls.__module__.startswith("ddsp_lab."):
            page = (site / "blocks" / f"{name}.html").read_text()
            assert all(f"<code>{q.name}</code>" in page for q in (() if cls.needs_file else cls.example().params))
    for kind, page in ((Target, "targets"), (Optimizer, "optimizers")):
        text = (site / "reference" / f"{page}.html").read_text()
        names = [k for k, v in kind.registry.items() if v.__module__.startswith("ddsp_lab.")]
        assert all(f'id="{name}"' in text for name in names)
    codes = (site / "reference" / "codes.html").read_text()
    assert all(f'id="{code}"' in codes for code in [*CODES, *CHECKS])


def test_formulas_are_drawn_without_a_script(site):
    page = (site / "blocks" / "compressor.html").read_text()
    assert page.count("<math") > 5
    assert not re.search(r"\\(frac|log|max|tfrac)\b", page)


def heard(site, page):
    """The sounds that a page of a block plays."""
    return [dl.audio.load(site / "blocks" / path).samples for path in re.findall(r'src="(sounds/\S+?)"', page)]


def test_what_is_played_is_heard_and_seen(site):
    for name in PLAYED.split(","):
        page = (site / "blocks" / f"{name}.html").read_text()
        assert "<svg" in page
        sounds = heard(site, page)
        assert len(sounds) == (1 if Block.registry[name].takes == "notes" else 2)
        assert all(0.01 < abs(sound).max() <= 1.0 for sound in sounds)


def test_the_pages_ask_no_network(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img|audio|iframe)[^>]+(?:src|href)="?(https?:|//)', page.read_text())
        assert not loaded, page
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert not re.search(r"url\(\W?https?:|@import", styles)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")
def test_a_phone_shows_it_from_the_disk_and_searches_it(site):
    sync_api = pytest.importorskip("playwright.sync_api", reason="there is no playwright: pip install playwright")
    with sync_api.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 390, "height": 800})
        said = []
        page.on("pageerror", lambda error: said.append(str(error)))
        # what a page still loads when the next one is opened is aborted, no fault: a missing file is "not found"
        page.on(
            "requestfailed",
            lambda request: request.failure == "net::ERR_ABORTED" or said.append(f"{request.url} {request.failure}"),
        )
        for name in ("index", "choose_a_target", "recreate_a_pedal", "reference/targets", "blocks/waveshaper"):
            page.goto((site / f"{name}.html").as_uri())
            beside = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert beside == 0, f"{name} is wider than a phone by {beside}"
        page.locator("label.md-header__button[for=__search]").click()
        page.locator(".md-search__input").press_sequentially("oscillator")  # in the field, however late it opens
        page.wait_for_selector(".md-search-result__link[href*='blocks/oscillator.html']", timeout=20_000)
        assert said == []
        opened.close()


@pytest.mark.nightly
def test_every_block_is_played_and_heard(tmp_path):
    site = built(tmp_path / "site", "all")
    for name, cls in Block.registry.items():
        if not cls.needs_file and cls.__module__.startswith("ddsp_lab."):
            page = (site / "blocks" / f"{name}.html").read_text()
            assert "<svg" in page
            given, *made = heard(site, page)
            same = [given.shape == y.shape and abs(given - y).max() < 1e-3 for y in made]
            assert not any(same), f"{name} changes nothing: give it settings in docs/generate/shown.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_the_code_of_every_page_runs(page, tmp_path, monkeypatch):
    """On what `ddsp-lab demo` leaves behind: two recordings, and the preset that it finds."""
    monkeypatch.chdir(tmp_path)
    here = tmp_path / "ddsp-lab-demo"
    here.mkdir()
    left = {"dry.flac": "riff_dry.flac", "reference.flac": "riff_wet.flac", "preset.json": "riff_truth.json"}
    for name, shipped in left.items():
        shutil.copyfile(AUDIO / shipped, here / name)
    run(page, monkeypatch)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda p: p.stem)
def test_what_is_not_run_could_be(page):
    for snippet in snippets(page):
        read(snippet)
