"""The listening report in a real browser, from the disk: it plays, switches, loops, tests, and asks for nothing."""

import json
import shutil
import time

import numpy as np
import pytest
from helpers import SR, plucks
from pages import made

from ddsp_lab import audio
from ddsp_lab.report import page

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no Chromium: apt-get install chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="there is no playwright: pip install playwright")
expect = sync_api.expect

SWITCHES = ["no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"]
SWITCHES += ["disable-component-update", "disable-sync"]
HEARD = """async (choice) => {
  const {player, data} = listening, was = player.choice;
  const offline = new OfflineAudioContext(2, data.seconds * data.sr, data.sr);
  player.choice = choice;
  player.wire(offline, 0, 0);
  player.choice = was;
  const y = await offline.startRendering();
  return [0, 1].map((c) => Array.from(y.getChannelData(c)));
}"""
SWITCHED = """async ([from, to, at]) => {
  const {player, data} = listening, real = player.opened;
  const offline = new OfflineAudioContext(2, data.seconds * data.sr, data.sr);
  player.choice = from;
  player.batch = player.wire(offline, 0, 0);
  player.opened = offline;
  offline.suspend(at).then(() => { player.choice = to; player.mix(); offline.resume(); });
  const y = await offline.startRendering();
  Object.assign(player, {opened: real, batch: null});
  return [0, 1].map((c) => Array.from(y.getChannelData(c)));
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One Chromium for all tests, with a profile of its own."""
    with sync_api.sync_playwright() as started:
        profile = tmp_path_factory.mktemp("profile")
        context = started.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=[f"--{s}" for s in SWITCHES]
        )
        yield context
        context.close()


@pytest.fixture
def shown(browser, tmp_path):
    """Opens a result's page; at the end there must have been no complaint and no request but for the page itself."""
    heard, tabs = [], []

    def show(result):
        path = tmp_path / "report.html"
        path.write_text(page(result, "a page"))
        tab = browser.new_page()
        tabs.append(tab)
        tab.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
        tab.on("pageerror", lambda error: heard.append(str(error)))
        tab.on("request", lambda asked: heard.append(asked.url) if not asked.url.startswith("data:") else None)
        tab.goto(path.as_uri())
        assert heard == [path.as_uri()]
        heard.clear()
        return tab

    yield show
    for tab in tabs:
        tab.close()
    assert heard == []


def until(tab, what, seconds=10.0):
    """Wait until something is true there. (`wait_for_function` would need what the page's policy forbids.)"""
    ends = time.monotonic() + seconds
    while not tab.evaluate(what):
        assert time.monotonic() < ends, what
        tab.wait_for_timeout(20)


def state(tab, what):
    return tab.evaluate(f"listening.player.{what}")


def gains(tab):
    """What is heard of each sound, once switches have faded."""
    tab.wait_for_timeout(60)
    return tab.evaluate("[...listening.player.batch.voices].map(([id, {gain}]) => [id, gain.gain.value])")


def started(tab):
    """Play; a key press is the gesture that a browser wants."""
    tab.keyboard.press("Space")
    until(tab, "listening.player.playing && listening.player.position > 0.05")
    assert state(tab, "context.state") == "running"
    assert state(tab, "context.sampleRate") == SR


def test_it_plays_switches_and_loops_from_the_keyboard(shown):
    tab = shown(made())
    assert all(tab.evaluate("[...document.images].map((image) => image.naturalWidth > 0)"))
    started(tab)
    tracks = {t["id"]: t["matched"] * t["scale"] for t in tab.evaluate("listening.data.tracks")}
    for key, choice in (("1", "dry"), ("3", "reference"), ("2", "fit")):
        tab.keyboard.press(key)
        expected = {name: tracks[name] if name == choice else 0.0 for name in tracks}
        assert dict(gains(tab)) == pytest.approx(expected, rel=1e-6)
        pressed = tab.locator("[data-track][aria-pressed=true]")
        assert pressed.get_attribute("data-track") == choice
    tab.keyboard.press("4")
    assert dict(gains(tab)) == pytest.approx(
        {
            "dry": 0.0,
            "reference": tracks["reference"],
            "fit": -tracks["reference"]
            * tracks["fit"]
            / tracks["fit"]
            * tab.evaluate("listening.player.track('fit').scale / listening.player.track('reference').scale"),
        },
        rel=1e-6,
    )
    tab.keyboard.press("m")
    assert not tab.is_checked("#match")
    tab.keyboard.press("2")
    plain = {t["id"]: t["plain"] * t["scale"] for t in tab.evaluate("listening.data.tracks")}
    assert dict(gains(tab))["fit"] == pytest.approx(plain["fit"], rel=1e-6)

    tab.keyboard.press("Space")
    assert not state(tab, "playing")
    tab.evaluate("listening.player.seek(0.5)")
    tab.keyboard.press("[")
    tab.evaluate("listening.player.at = 0.8")
    tab.keyboard.press("]")
    assert state(tab, "loop") == pytest.approx([0.5, 0.8], abs=1e-6)
    tab.keyboard.press("Space")
    tab.wait_for_timeout(900)
    assert 0.5 <= state(tab, "position") < 0.8
    tab.keyboard.press("Escape")
    assert state(tab, "loop") is None
    tab.keyboard.press("ArrowRight")
    assert state(tab, "at") > 1.4  # at once, whenever the sources begin anew
    until(tab, "!listening.player.playing")  # the end
    assert state(tab, "position") == 0


def test_the_mouse_moves_and_loops_and_the_cursor_follows(shown):
    tab = shown(made())
    box = tab.locator("#lanes").bounding_box()
    x, y = box["x"], box["y"] + 30
    tab.mouse.click(x + 0.5 * box["width"], y)
    assert state(tab, "position") == pytest.approx(1.0, abs=0.01)
    tab.mouse.move(x + 0.25 * box["width"], y)
    tab.mouse.down()
    tab.mouse.move(x + 0.4 * box["width"], y)
    tab.mouse.move(x + 0.75 * box["width"], y)
    tab.mouse.up()
    assert state(tab, "loop") == pytest.approx([0.5, 1.5], abs=0.01)
    expect(tab.locator("#region")).to_be_visible()
    started(tab)
    before = tab.locator("#cursor").bounding_box()["x"]
    until(tab, f"document.getElementById('cursor').getBoundingClientRect().x > {before} + 5")
    tab.click("#unloop")
    assert state(tab, "loop") is None
    expect(tab.locator("#region")).to_be_hidden()
    tab.click("#play")
    expect(tab.locator("#play")).to_have_attribute("aria-label", "Play")


def test_equal_sounds_null_to_nothing_and_switching_between_them_is_not_heard(shown):
    x = plucks(seconds=2.0, channels=2)
    tab = shown(made(sounds={"dry": 0.3 * x, "reference": x, "fit": x.copy()}))
    started(tab)
    tab.keyboard.press("Space")
    assert np.abs(tab.evaluate(HEARD, "difference")).max() == 0.0
    steady = np.array(tab.evaluate(HEARD, "fit"))
    assert np.abs(steady).max() > 0.1
    at = int(0.512 * SR)
    switched = np.array(tab.evaluate(SWITCHED, ["fit", "reference", at / SR]))
    np.testing.assert_allclose(switched, steady, atol=1e-6)  # gains that add up to one but for their rounding
    ramp = slice(at - 128, at + 256)
    np.testing.assert_array_equal(np.delete(switched, ramp, axis=1), np.delete(steady, ramp, axis=1))
    changed = np.array(tab.evaluate(SWITCHED, ["fit", "dry", at / SR]))
    both = np.diff(steady, axis=1), np.diff(changed, axis=1)
    assert np.abs(both[1]).max() <= 1.1 * np.abs(both[0]).max()  # no step


def test_what_is_heard_is_equally_loud(shown):
    tab = shown(made())
    started(tab)
    levels = [audio.loudness(np.array(tab.evaluate(HEARD, name)), SR) for name in ("dry", "fit", "reference")]
    assert np.ptp(levels) < 0.1


def test_a_blind_test_counts_and_says_how_likely_chance_is(shown):
    tab = shown(made())
    tab.select_option("#abx-count", "8")
    tab.click("#abx-setup button")
    expect(tab.locator("#abx-setup")).to_be_hidden()  # once both sounds are decoded
    sides = {"a": "reference", "b": "fit"}
    for trial in range(8):
        until(tab, f"document.getElementById('abx-progress').textContent === 'Trial {trial + 1} of 8'")
        tab.keyboard.press("x")
        until(tab, "document.querySelector('[data-heard=x]').getAttribute('aria-pressed') === 'true'")
        until(tab, "listening.player.playing")
        x = state(tab, "choice")
        assert tab.locator("[data-track][aria-pressed=true]").count() == 0
        assert tab.locator("button[data-track]:enabled").count() == 0
        right = next(side for side, name in sides.items() if name == x)
        tab.click(f"[data-answer={right if trial else 'ab'.replace(right, '')}]")
    assert tab.inner_text("#abx-said") == "7 of 8 right, p = 0.035. The two can be told apart."
    with tab.expect_download() as saved:
        tab.click("#abx-save")
    told = json.loads(saved.value.path().read_text())
    assert (told["kind"], told["right"], len(told["trials"])) == ("abx", 7, 8)
    assert told["p"] == pytest.approx(9 / 256)
    assert tab.evaluate("listening.player.track('fit').name") == "Fit"


def test_candidates_are_heard_from_the_front_and_rated_blind(shown):
    tab = shown(made(heard=3))
    started(tab)
    tab.locator("circle[data-track=front-1]").click()
    until(tab, "listening.player.choice === 'front-1' && listening.player.batch.voices.has('front-1')")
    assert dict(gains(tab))["front-1"] > 0.0
    tab.locator("circle[data-track=front-2]").focus()
    tab.keyboard.press("Enter")
    until(tab, "listening.player.choice === 'front-2'")
    tab.click("#rate-begin")
    expect(tab.locator("#rate-rows li")).to_have_count(5)  # three, the reference and the anchor
    for i in range(5):
        tab.locator("#rate-rows button").nth(i).click()
        tab.locator("#rate-rows input").nth(i).fill(str(20 * i))
    tab.wait_for_timeout(60)
    tab.click("#rate-end")
    assert "Reference (the hidden one): " in tab.inner_text("#rate-result")
    assert "Reference below 3.5 kHz: " in tab.inner_text("#rate-result")
    with tab.expect_download() as saved:
        tab.click("#rate-save")
    told = json.loads(saved.value.path().read_text())
    assert sorted(entry["rating"] for entry in told["ratings"]) == [0, 20, 40, 60, 80]
    assert {entry["sound"] for entry in told["ratings"]} == {"front-0", "front-1", "front-2", "reference", "anchor"}


def test_it_fits_a_phone_the_dark_and_paper(shown, tmp_path):
    tab = shown(made(heard=3))
    seen = []
    for scheme, width in (("light", 1240), ("dark", 1240), ("light", 390)):
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 844})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        seen.append(tab.screenshot(path=tmp_path / f"{scheme}_{width}.png", full_page=True))
    assert len(set(seen)) == 3
    tab.emulate_media(media="print")
    expect(tab.locator(".bar")).to_be_hidden()
    expect(tab.locator(".lane").first).to_be_visible()
    assert len(tab.pdf()) > 10_000


def test_it_works_in_a_notebook_frame(browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><title>notebook</title>{made()._repr_html_()}")
    tab, heard = browser.new_page(), []
    tab.on("console", lambda message: heard.append(message.text))
    tab.goto(path.as_uri())
    frame = tab.frames[1]
    frame.click("#play")
    until(frame, "listening.player.playing && listening.player.position > 0.05")
    tab.close()
    assert heard == []
