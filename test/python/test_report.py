# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The HTML report: of real runs, as a browser sees it, and of what should not be in a page."""

import base64
import html.parser
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wdmoe import cli, frames, report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


class Page(html.parser.HTMLParser):
    """What of a page matters here; that every tag is closed."""

    VOID = {"meta", "link", "img", "br", "wbr", "hr"}

    def __init__(self, path):
        super().__init__()
        self.open, self.tags, self.text, self.links = [], [], [], []
        self.source = Path(path).read_text(encoding="utf-8")
        self.feed(self.source)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def copy(ideal, tmp_path):
    return Path(shutil.copytree(ideal, tmp_path / "copy", ignore=shutil.ignore_patterns("*.parquet")))


def test_one_page_with_everything(ideal, tmp_path, capsys):
    path = tmp_path / "page.html"
    assert cli.main(["report", str(ideal), "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"report: {path}\n"
    page = Page(path)
    text = "".join(page.text)
    assert all(link.startswith(("data:", "#")) for link in page.links) and not page.of("script")
    pictures = page.of("img")
    # latency, gate mass, energy, prediction, 2 timelines, 2 shares, loads of experts and of devices
    assert len(pictures) == 10 and "Not drawn" not in text
    for picture in pictures:
        svg = base64.b64decode(picture["src"].partition("base64,")[2])
        assert b"<svg" in svg and picture["alt"]
    assert "WDMoE: ideal" in text and "ideal, RngRun 3, 2 requests" in text
    found = frames.load(ideal)
    medians = [f"{1e3 * found.summaries[3]['policies'][name]['block_latency_s']['p50']:.4g}" for name in found.policies]
    assert re.search(
        r"block p50 \(ms\)</td>" + "".join(f"<td>{re.escape(value)}</td>" for value in medians), page.source
    )
    command = (
        "./wdmoe run ideal --policy topk-stock,wdmoe,scheduled --RngRun 3 --blocks=3 --requests=2 --maxOutputTokens=3"
    )
    assert command in text
    for key, value in found.manifest.items():
        if isinstance(value, str):
            assert f"<td>{key}</td>" in page.source and value in text
    assert str(ideal) not in text


def test_the_command_repeats_it(ideal, tmp_path):
    command = report.repeat(frames.load(ideal)).split()[1:]
    assert cli.main([*command, "--out", str(tmp_path / "again")]) == 0
    for name in ("blocks.csv", "requests.csv", "shares.csv", "schedule.csv", "experts.csv", "blocks.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (ideal / name).read_bytes(), name


def test_runs_have_intervals_and_jobs_sections(ideal, several, tmp_path):
    shutil.copytree(ideal, tmp_path / "default" / "one")
    shutil.copytree(several, tmp_path / "default" / "two")
    path = report.write(tmp_path / "default")
    assert path == tmp_path / "default" / "report.html"
    page = Page(path)
    assert [entry["href"] for entry in page.of("a")] == ["#job-1", "#job-2"]
    assert re.search(r"request p50 \(s\)</td><td>[\d.]+ \([\d.]+ to [\d.]+\)</td>", page.source)
    assert "--runs 2" in "".join(page.text)


def test_the_same_results_give_the_same_page(ideal, tmp_path):
    one, two = (report.write(ideal, tmp_path / f"{name}.html").read_bytes() for name in ("one", "two"))
    assert one == two


EVIL = '<script>alert("x")</script>&<img src=http://example.org/a.png>'


def test_nothing_of_a_file_is_markup(copy):
    summary = json.loads((copy / "summary.json").read_text())
    summary["manifest"]["option.note"] = EVIL
    summary["scenario"] = EVIL
    name = EVIL.replace(",", "")
    summary["policies"] = {name if key == "wdmoe" else key: entry for key, entry in summary["policies"].items()}
    (copy / "summary.json").write_text(json.dumps(summary))
    for path in copy.glob("*.csv"):
        quoted = name.replace('"', '""')
        path.write_text(path.read_text().replace("\nwdmoe,", f'\n"{quoted}",'))
    with open(copy / "run.log", "a") as log:
        log.write(f"WdmoeX: {EVIL}\n")
    page = Page(report.write(copy))
    assert not page.of("script") and all("http" not in link for link in page.links)
    text = "".join(page.text)
    assert text.count('<script>alert("x")</script>') >= 4
    assert len(page.of("img")) == 10


def test_no_number_anywhere(copy):
    """Pictures that cannot be drawn say so, and the rest is there."""
    path = copy / "blocks.csv"
    lines = path.read_text().splitlines()
    at = [lines[0].split(",").index(name) for name in ("predicted_s", "latency_s")]
    for number, line in enumerate(lines[1:], 1):
        fields = line.split(",")
        for index in at:
            fields[index] = "nan"
        lines[number] = ",".join(fields)
    path.write_text("\n".join(lines) + "\n")
    page = Page(report.write(copy))
    assert "Not drawn: no block has a latency and 'predicted_s', both above 0" in "".join(page.text)
    assert 5 < len(page.of("img")) < 10


def test_where_it_cannot_be_written(ideal, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for output, told in (
        (tmp_path / "no" / "page.html", "no such folder"),
        (tmp_path, "a folder, expected the name of a file"),
        (tmp_path / "file" / "page.html", "no such folder"),
    ):
        assert cli.main(["report", str(ideal), "-o", str(output)]) == 1
        printed = capsys.readouterr()
        assert told in printed.err and printed.err.count("\n") == 1 and printed.out == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable(ideal, tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert cli.main(["report", str(ideal), "-o", str(tmp_path / "page.html")]) == 1
    assert "you may not write there" in capsys.readouterr().err


# Says in the title what a script in the page would find: pictures that did not load, and what was fetched.
PROBE = """<script>
addEventListener("load", async () => {
  const pictures = [...document.images];
  await Promise.allSettled(pictures.map(picture => picture.decode()));
  const fetched = performance.getEntriesByType("resource").map(entry => entry.name).filter(name => !name.startsWith("data:"));
  const wide = document.documentElement.scrollWidth - innerWidth;
  const small = pictures.filter(picture => !picture.complete || picture.naturalWidth < 200).length;
  document.title = JSON.stringify({title: document.title, pictures: pictures.length, small, fetched, wide});
});
</script>"""


@pytest.mark.skipif(not CHROMIUM, reason="no chromium or chrome in PATH: apt-get install chromium")
@pytest.mark.parametrize("dark", [False, True])
def test_in_a_browser(ideal, tmp_path, dark):
    path = report.write(ideal, tmp_path / "page.html")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=1200,2000",
        "--enable-logging=stderr",
        "--v=0",
    ]
    options += [f"--user-data-dir={tmp_path / 'profile'}", *(["--force-dark-mode"] if dark else [])]

    def browse(page, *more):
        return subprocess.run(
            [CHROMIUM, *options, *more, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
        )

    shot = tmp_path / "page.png"
    done = browse(path, f"--screenshot={shot}")
    assert "CONSOLE" not in done.stderr, done.stderr  # no error, no warning, nothing blocked
    import matplotlib.image

    pixels = matplotlib.image.imread(shot)
    assert (pixels[5, 5, :3].mean() < 0.2) == dark  # the paper
    assert pixels[:1500].std() > 0.05  # something is on it
    # once more with a script that looks, which the page's own policy would not let in
    probe = tmp_path / "probe.html"
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", path.read_text())
    probe.write_text(page.replace("</body>", PROBE + "</body>"))
    title = re.search("<title>(.*?)</title>", browse(probe, "--dump-dom", "--virtual-time-budget=20000").stdout).group(
        1
    )
    seen = json.loads(title.replace("&quot;", '"').replace("&amp;", "&"))
    assert seen == {"title": "WDMoE: ideal", "pictures": 10, "small": 0, "fetched": [], "wide": seen["wide"]}
    assert seen["wide"] <= 0  # nothing but tables scrolls sideways
