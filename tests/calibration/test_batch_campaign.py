"""A campaign loses nothing: not by failures, dead workers, kills, full disks, or two runs at once."""

import importlib.metadata
import importlib.util
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from calibration.campaign.durable import FolderLock, Store, publish
from calibration.campaign.engine import Run, run_campaign
from calibration.campaign.findings import Tally, group_findings
from calibration.campaign.jobs import Job, Outcome, Result, program_version
from calibration.campaign.place import check_campaign, mark_campaign
from calibration.campaign.table import read_table
from calibration.campaign.workers import local_pool, pool_of
from calibration.errors import InputError, OutputError, ReadError
from tests.calibration.batch_recipes import Toy, content, in_thread, jobs

ROOT = Path(__file__).resolve().parents[2]
needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="dask[distributed] is not installed"
)


def statuses(run: Run) -> list[str]:
    return [o.status for o in run.outcomes]


# --- what is computed, and when ----------------------------------------------------------------------


def test_finished_jobs_are_kept_and_changed_ones_are_not(tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.dat" for i in range(4)]
    for file in files:
        file.write_text("a", encoding="utf-8")
    todo = [Job(number=i, name=f"j{i}", spec={"files": [str(f)]}) for i, f in enumerate(files)]
    place = tmp_path / "parts"
    first = run_campaign(todo, Toy(), folder=place, pool=in_thread())
    assert statuses(first) == ["computed"] * 4
    again = run_campaign(todo, Toy(), folder=place, pool=in_thread())
    assert statuses(again) == ["kept"] * 4
    assert content(again) == content(first)

    files[1].write_text("b", encoding="utf-8")  # an input
    todo[2] = Job(number=2, name="j2", spec={**todo[2].spec, "floats": 40})  # a parameter
    os.utime(files[3])  # a time is no content
    third = run_campaign(todo, Toy(), folder=place, pool=in_thread())
    assert statuses(third) == ["kept", "computed", "computed", "kept"]

    other = run_campaign(todo, Toy(program="toy 2"), folder=place, pool=in_thread())
    assert statuses(other) == ["computed"] * 4


def test_the_version_of_the_program_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_campaign(jobs(2), Toy(), folder=tmp_path, pool=in_thread())
    with monkeypatch.context() as library:
        library.setattr("importlib.metadata.version", lambda name: "99.0")
        newer = run_campaign(jobs(2), Toy(), folder=tmp_path, pool=in_thread())
        assert statuses(newer) == ["computed"] * 2
    assert statuses(run_campaign(jobs(2), Toy(), folder=tmp_path, pool=in_thread())) == ["kept"] * 2
    edited = "calibration.campaign.jobs.program_version"
    monkeypatch.setattr(edited, lambda program: "0.1.0 (edited)")
    changed = run_campaign(jobs(2), Toy(), folder=tmp_path, pool=in_thread())
    assert statuses(changed) == ["computed"] * 2


def test_workers_of_another_version_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calibration.campaign.engine.release", lambda: "0.0")
    with pytest.raises(InputError, match=r"a worker runs version .*, and this is 0\.0"):
        run_campaign(jobs(2), Toy(), folder=tmp_path, pool=local_pool(1))


def test_the_version_is_of_the_source() -> None:
    """Each half has its own: an edit of one leaves the other's results."""
    both = {program_version(name) for name in ("xtsred batch", "cis batch")}
    assert len(both) == 2
    assert all(v.startswith(importlib.metadata.version("xtsred")) for v in both)


def test_failures_are_listed_and_stop_no_other(tmp_path: Path) -> None:
    gone, changed, vanished = (tmp_path / n for n in ("gone", "changed", "vanished"))
    changed.write_text("a", encoding="utf-8")
    vanished.write_text("a", encoding="utf-8")
    what: dict[int, dict[str, object]] = {
        1: {"do": "bad"},
        2: {"do": "bug"},
        3: {"files": [str(gone)]},
        4: {"do": "change", "files": [str(changed)]},
        5: {"do": "vanish", "files": [str(vanished)]},
    }
    todo = [Job(number=i, name=f"j{i}", spec=what.get(i, {})) for i in range(8)]
    run = run_campaign(todo, Toy(), folder=tmp_path / "parts", pool=in_thread())
    assert [o.number for o in run.failed] == [1, 2, 3, 4, 5]
    said = {o.number: o.failure.text for o in run.failed if o.failure is not None}
    assert "a bad number" in said[1]
    assert "ZeroDivisionError: of ours" in said[2]
    assert "no such file" in said[3]
    assert "changed while it was being used" in said[4]
    assert "no such file" in said[5]
    assert [o.failure.bug for o in run.failed if o.failure is not None] == [
        False,
        True,
        *[False] * 3,
    ]
    assert sum(r is not None for _, r in run.results()) == 3

    gone.write_text("now", encoding="utf-8")
    again = run_campaign(todo, Toy(), folder=tmp_path / "parts", pool=in_thread())
    assert [o.number for o in again.failed] == [1, 2, 5]
    assert statuses(again)[3] == "computed"


def test_a_damaged_result_is_computed_again(tmp_path: Path) -> None:
    first = run_campaign(jobs(3), Toy(), folder=tmp_path, pool=in_thread())
    path = first.store.path(first.outcomes[1].digest)
    whole = path.read_bytes()
    for damaged in (whole[:-40], whole[:200], b"", whole[:400] + b"\xff" + whole[401:]):
        path.write_bytes(damaged)
        with pytest.raises(OutputError, match="damaged"):
            content(first)
        again = run_campaign(jobs(3), Toy(), folder=tmp_path, pool=in_thread())
        assert statuses(again) == ["kept", "computed", "kept"]
        assert content(again) == content(first)


def test_memory_of_a_run_does_not_hold_the_jobs(tmp_path: Path) -> None:
    """Jobs are taken from an iterator as workers become free, no faster."""
    given: list[int] = []
    done: list[int] = []
    ahead: list[int] = []

    def endless() -> Iterator[Job]:
        for job in jobs(60):
            given.append(job.number)
            ahead.append(len(given) - len(done))
            yield job

    run_campaign(
        endless(), Toy(), folder=tmp_path, pool=in_thread(2), tell=lambda o: done.append(o.number)
    )
    assert len(done) == 60
    assert max(ahead) <= 3 * 2 + 2


# --- workers -----------------------------------------------------------------------------------------


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    """Processes; one of them dies of job 4, which is listed, and nothing else is lost."""
    todo = jobs(12)
    todo[4] = Job(number=4, name="job4", spec={"do": "die"})
    found = []
    for workers in (1, 2, 4):
        run = run_campaign(todo, Toy(), folder=tmp_path / str(workers), pool=local_pool(workers))
        assert [o.number for o in run.failed] == [4]
        assert run.failed[0].failure is not None
        assert "process that worked on it died" in run.failed[0].failure.text
        assert {o.threads for o in run.outcomes if o.failure is None} == {"1"}
        found.append(content(run))
    assert found[0] == found[1] == found[2]


@needs_dask
@pytest.mark.filterwarnings("ignore")
def test_dask_gives_the_same_bytes(tmp_path: Path) -> None:
    todo = jobs(8)
    local = run_campaign(todo, Toy(), folder=tmp_path / "local", pool=in_thread())
    pool = pool_of(workers=2, scheduler="local")
    dask = run_campaign(todo, Toy(), folder=tmp_path / "dask", pool=pool)
    assert content(dask) == content(local)
    assert {o.threads for o in dask.outcomes} == {"1"}


@needs_dask
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_dask_survives_a_job_that_kills_workers(tmp_path: Path) -> None:
    todo = jobs(8)
    todo[3] = Job(number=3, name="job3", spec={"do": "die"})
    run = run_campaign(todo, Toy(), folder=tmp_path, pool=pool_of(workers=2, scheduler="local"))
    assert [o.number for o in run.failed] == [3]


@needs_dask
@pytest.mark.long
def test_an_interrupted_dask_run_does_not_wait_for_its_jobs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_outcome: Outcome) -> None:
        raise KeyboardInterrupt

    pool = pool_of(workers=1, scheduler="local")
    with pytest.raises(KeyboardInterrupt):
        run_campaign(jobs(8, seconds=1.0), Toy(), folder=tmp_path, pool=pool, tell=interrupt)
    assert 1 <= len(list(tmp_path.glob("*/*.npz"))) < 3  # three were given out
    assert "Traceback" not in capfd.readouterr().err


class Stumbling:
    """As loky's executor when it is interrupted before its workers took their first jobs: its thread dies of a KeyError."""

    def __init__(self, **_options: object) -> None:
        pass

    def shutdown(self, **_options: object) -> None:
        thread = threading.Thread(target={}.__getitem__, args=(5,))
        thread.start()
        thread.join()


def test_an_interrupted_run_shows_no_traceback_of_a_thread(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from joblib.externals import loky

    monkeypatch.setattr(loky, "ProcessPoolExecutor", Stumbling)
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    with pytest.raises(KeyboardInterrupt), local_pool(1).open():
        raise KeyboardInterrupt
    assert capfd.readouterr().err == ""


@needs_dask
def test_a_scheduler_that_does_not_answer_is_named() -> None:
    for address in ("nonsense", "tcp://localhost:notaport"):
        with pytest.raises(InputError, match="does not answer"):
            pool_of(workers=None, scheduler=address)


# --- kills, locks, disks -----------------------------------------------------------------------------


def kill_and_finish(
    command: list[str], *, kills: int, longest_s: float, seed: int, cwd: Path
) -> int:
    """Start the command and SIGKILL it at a random moment, `kills` times; then let it end. Returns its status.

    Every other time its workers are killed with it; otherwise they find out by themselves.
    """
    random_ = random.Random(seed)
    for k in range(kills):
        process = subprocess.Popen(
            command,
            cwd=cwd,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(random_.uniform(0.0, longest_s))
        if k % 2:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return subprocess.run(command, cwd=cwd, check=False, capture_output=True).returncode


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_workers_of_a_killed_run_end(tmp_path: Path) -> None:
    process = subprocess.Popen(toy_command(tmp_path, count=2000), cwd=ROOT)
    while not list(tmp_path.glob("parts/*/*.npz")):
        time.sleep(0.05)
    workers = children_of(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30.0
    while any(is_running(w) for w in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [w for w in workers if is_running(w)]


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def is_running(pid: int) -> bool:
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def toy_command(folder: Path, *, workers: int = 2, count: int = 40) -> list[str]:
    module = "tests.calibration.batch_recipes"
    return [sys.executable, "-m", module, str(folder), str(count), str(workers)]


def kill_test(tmp_path: Path, *, kills: int, seed: int) -> None:
    status = kill_and_finish(toy_command(tmp_path), kills=kills, longest_s=2.0, seed=seed, cwd=ROOT)
    assert status == 0
    broken = run_campaign(
        jobs(40, seconds=0.02), Toy(), folder=tmp_path / "parts", pool=in_thread()
    )
    assert statuses(broken) == ["kept"] * 40
    whole = run_campaign(jobs(40), Toy(), folder=tmp_path / "other", pool=in_thread())
    assert content(broken) == content(whole)
    assert not list((tmp_path / "parts").rglob("*.partial"))


def test_killed_runs_continue_to_the_same_result(tmp_path: Path) -> None:
    kill_test(tmp_path, kills=3, seed=1)


@pytest.mark.long
def test_fifty_killed_runs_continue_to_the_same_result(tmp_path: Path) -> None:
    for seed in range(5):
        place = tmp_path / str(seed)
        place.mkdir()
        kill_test(place, kills=10, seed=seed)


def test_one_folder_is_for_one_run(tmp_path: Path) -> None:
    with FolderLock(tmp_path):
        with pytest.raises(OutputError, match="another run") as caught, FolderLock(tmp_path):
            pass
        assert str(os.getpid()) in caught.value.why
    with FolderLock(tmp_path):  # let go of
        pass


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from calibration.campaign.durable import FolderLock\n"
        "with FolderLock(Path(sys.argv[1])):\n print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(OutputError, match="another run"), FolderLock(tmp_path):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    with FolderLock(tmp_path):
        pass


Mounted = Callable[[str], Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Mounted]:
    """mounted(options) gives a small disk, or gives it other options; skips where mounting is not permitted."""
    place = tmp_path / "disk"
    place.mkdir()
    seen: list[str] = []

    def mount(options: str) -> Path:
        again = ["remount"] if seen else []
        command = ["mount", "-t", "tmpfs", "-o", ",".join([*again, options]), "tmpfs", str(place)]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("no mount command: a full disk cannot be made here")
        if done.returncode:
            pytest.skip("mounting is not permitted: a full disk cannot be made here")
        seen.append(options)
        return place

    yield mount
    if seen:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Mounted, tmp_path: Path) -> None:
    disk = small_disk("size=256k")
    todo = jobs(20, floats=8000)  # 64 kB each
    with pytest.raises(OutputError) as caught:
        run_campaign(todo, Toy(), folder=disk / "parts", pool=in_thread())
    assert caught.value.why == "the disk is full"
    assert "same command continues" in caught.value.remedy
    kept = list((disk / "parts").rglob("*.npz"))
    assert 1 <= len(kept) < 20
    assert not list((disk / "parts").rglob("*.partial"))
    small_disk("size=20m")
    run = run_campaign(todo, Toy(), folder=disk / "parts", pool=in_thread())
    assert statuses(run).count("kept") == len(kept)
    whole = run_campaign(todo, Toy(), folder=tmp_path / "whole", pool=in_thread())
    assert content(run) == content(whole)


def test_a_full_disk_in_worker_processes(small_disk: Mounted) -> None:
    disk = small_disk("size=256k")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        run_campaign(jobs(20, floats=8000), Toy(), folder=disk / "parts", pool=local_pool(2))
    assert caught.value.why == "the disk is full"


def test_a_read_only_folder_is_said(small_disk: Mounted) -> None:
    disk = small_disk("size=4m")
    small_disk("ro")
    with pytest.raises(OutputError, match="cannot be written") as caught, FolderLock(disk):
        pass
    assert "read-only" in caught.value.why
    with pytest.raises(OutputError, match="cannot be written") as caught:
        Store(disk / "parts").write("ab" * 32, Result(values={}))
    assert "read-only" in caught.value.why


def publish_and_interrupt(folder: Path) -> None:
    with publish(folder) as place:
        (place / "result.json").write_text("three", encoding="utf-8")
        raise KeyboardInterrupt


def test_publishing_replaces_a_result_whole(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with publish(tmp_path) as place:
            (place / "figures").mkdir()
            (place / "figures" / f"{text}.svg").write_text(text, encoding="utf-8")
            (place / "result.json").write_text(text, encoding="utf-8")
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["two.svg"]
    with pytest.raises(KeyboardInterrupt):
        publish_and_interrupt(tmp_path)
    assert (tmp_path / "result.json").read_text(encoding="utf-8") == "two"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures", "result.json"]


# --- folders, tables, findings -----------------------------------------------------------------------


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    check_campaign(mine, program="toy", name="a")
    mark_campaign(mine, program="toy", name="a")
    (mine / "results.csv").write_text("", encoding="utf-8")
    check_campaign(mine, program="toy", name="a")
    for program, name in (("toy", "b"), ("other", "a")):
        with pytest.raises(OutputError, match="belongs to 'a'"):
            check_campaign(mine, program=program, name=name)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="something that is not"):
        check_campaign(tmp_path, program="toy", name="a")
    with pytest.raises(OutputError, match="a file, not a folder"):
        check_campaign(tmp_path / "file", program="toy", name="a")


def test_tables_of_every_separator(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for text in (
        "file,x\n# a comment\na.txt,1.5\n\nb.txt,\n",
        "file;x\na.txt;1,5\nb.txt;\n",
        "file\tx\na.txt\t1.5\nb.txt\t\n",
    ):
        path.write_text(text, encoding="utf-8")
        table = read_table(path)
        assert table.columns == ("file", "x")
        assert [row.text("file") for row in table.rows] == ["a.txt", "b.txt"]
        assert [row.number("x") for row in table.rows] == [1.5, None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("file,x\n", "no rows"),
        ("file,file\na,b\n", "'file' twice"),
        ("file,\na,b\n", "no name"),
        ("file,x\na\n", "t.csv:2: the line has 1 cells, the header 2"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReadError) as caught:
        read_table(path)
    assert said in str(caught.value)


def test_cells_and_columns_that_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("file,tempersture_K\na,hot\nb,nan\nc,1_0\n", encoding="utf-8")
    table = read_table(path)
    for row in table.rows:
        with pytest.raises(ReadError, match="is not a number"):
            row.number("tempersture_K")
    with pytest.raises(ReadError, match="did you mean 'temperature_K'"):
        table.refuse_unknown(["file", "temperature_K"], remedy="")
    with pytest.raises(ReadError, match="size is missing"):
        table.require(["file", "size"])


def test_findings_that_differ_in_numbers_are_one_kind() -> None:
    tally = Tally()
    for i in range(20):
        found = [
            {"severity": "warning", "text": f"run{i}.xy: the rates differ by 1.{i:02d}(3)"},
            {"severity": "note", "text": "counts are whole numbers"},
        ]
        assert tally.add(f"run{i}", found, own_names=[f"run{i}.xy"]) == (0, 1, 1)
    tally.add("run20", [{"severity": "problem", "text": "no peak"}], own_names=[])
    groups = tally.groups
    assert [(g.severity, g.members) for g in groups] == [
        ("problem", 1),
        ("warning", 20),
        ("note", 20),
    ]
    said = list(group_findings(groups, total=21, noun="pattern"))
    assert said[0].text == "1 of 21 patterns (run20): no peak"
    assert said[1].text.startswith("20 of 21 patterns (run0, run1")
    assert "and 12 more" in said[1].text
    assert "those of run0" in said[1].text


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    store, digest = Store(tmp_path), "0f" * 32
    arrays = {"x": np.array([1.0, np.nan, 1e-300]), "empty": np.zeros((0, 3))}
    store.write(digest, Result(values={"text": "Å <b>", "none": None}, arrays=arrays))
    found = store.read(digest)
    assert found is not None
    assert found.values == {"text": "Å <b>", "none": None}
    for name, values in arrays.items():
        assert found.arrays[name].tobytes() == values.tobytes()
        assert found.arrays[name].shape == values.shape
    assert store.read("00" * 32) is None
    assert store.keep_only(frozenset({digest})) == 0
    assert store.keep_only(frozenset()) == 1
