"""`cis init`: what names and files say, and nothing else."""

import pytest

from calibration.errors import ConfigError
from calibration.records import load
from cis.config import Project
from cis.inputs import matching_files
from cis.io import read_spectra
from cis.project_file import project_text
from cis.series_names import guess_template
from tests.cis.conftest import write_series


@pytest.mark.parametrize(
    ("names", "template"),
    [
        (["s04147-120deg.txt", "s04147-90deg.txt"], "s04147-{temperature_C}deg.txt"),
        (["NS 25 C run1.z", "NS 40 C run1.z"], "NS {temperature_C} C run1.z"),
        (["a_298.15K.csv", "a_303.15K.csv"], "a_{temperature_K}K.csv"),
        (["p_-10°C.csv", "p_20°C.csv"], "p_{temperature_C}°C.csv"),
        (["12C-25K.csv", "12C-35K.csv"], "12C-{temperature_K}K.csv"),
        (["run1.csv", "run2.csv"], None),
        (["25Cr.csv", "30Cr.csv"], None),
        ([], None),
    ],
)
def test_templates_are_guessed_only_from_numbers_with_a_unit(names, template):
    assert guess_template(names) == template


def test_a_dash_between_words_is_no_minus(tmp_path):
    from cis.inputs import temperature_from_name

    template = guess_template(["s04147-120deg.txt", "s04147-140deg.txt"])
    assert temperature_from_name("s04147-120deg.txt", template) == pytest.approx(393.15)


def test_text_names_the_files_and_asks_for_the_rest(tmp_path):
    for t in (20, 40, 100):
        write_series(tmp_path, (float(t),), name=f"glass_{t}C.csv")
    paths = sorted(tmp_path.glob("glass*.csv"))
    text = project_text({p: read_spectra(p) for p in paths}, folder=tmp_path)
    assert 'files = "glass_*C.csv"  # 3 spectra' in text
    assert "temperature_from_name" not in text  # the files themselves state it
    run = tmp_path / "run.toml"
    run.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(Project, run)
    assert error.value.problems == ("sample.thickness_mm: missing",)
    run.write_text(text.replace("# FILL IN: ", ""), encoding="utf-8")
    project = load(Project, run).record
    found = matching_files(project.spectrum[0].files, folder=tmp_path, key="k")
    assert sorted(found) == paths


def test_files_that_no_pattern_singles_out_are_listed(tmp_path):
    write_series(tmp_path, (20.0,), name="a1.csv")
    write_series(tmp_path, (30.0,), name="a2.csv")
    (tmp_path / "a3.csv").write_text("not asked for")
    paths = [tmp_path / "a1.csv", tmp_path / "a2.csv"]
    text = project_text({p: read_spectra(p) for p in paths}, folder=tmp_path)
    assert text.count("[[spectrum]]") == 2
    assert 'files = "a1.csv"' in text
