"""Session files: exact round trips, moved folders, old and new versions, damaged files, full disks."""

from __future__ import annotations

import dataclasses
import errno
import json
from pathlib import Path

import pytest

from core.attacks.config import AttackConfig, AttackMethod, StepRule
from core.attacks.objective_config import ObjectiveKind
from core.errors import BadInputError, StorageError
from core.probes.choice import TargetOptions
from core.probes.files import load_probe
from core.probes.synthesis_config import ImagesConfig, SynthesisConfig
from core.probes.target import Target, TargetKind
from core.session.files import data_of, read_session, with_ending, write_session
from core.session.record import (
    STIMULUS_SET,
    AnalysisRecord,
    ImageRecord,
    ImagesRecord,
    MeasuredRecord,
    SessionRecord,
    ViewRecord,
)
from core.session.reference import refer_to
from core.surfaces.colormap import ColourRange
from core.types import Direction, NormName
from tests.helpers.probes import make_probe


def make_file(path: Path, content: str = "pixels") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


VOXEL = Target(TargetKind.VOXEL, "voxel 7 (left V1)", (7,), (1.0,))
RANGES = {"SD, diverging": ColourRange(0.0, 0.5, 3.0)}


def make_record(folder: Path) -> SessionRecord:
    """A record in which no field has its default."""
    return SessionRecord(
        subject="s01",
        surface="fsaverage",
        network="alexnet",
        layer="features.11",
        encoder_sha256="a" * 64,
        image=ImageRecord("cat", refer_to(make_file(folder / "photos" / "Käse 1.png"))),
        target=Target(TargetKind.CONTRAST, "ROI FFA − 0.5 × ROI PPA", (3, 5, 8), (0.1, 1 / 3, -0.5)),
        direction=Direction.LOWER,
        attack=AttackConfig(NormName.LINF, 8 / 255, AttackMethod.PGD, n_steps=7, momentum=1.0, quantise=True),
        aim=TargetOptions("PPA", 0.5, True, 2.0, ObjectiveKind.COSINE, 1.5, ("vgg16",)),
        gate_r=0.25,
        auto_probe=False,
        pinned_sha256="b" * 64,
        tab="transfer",
        analyses=(AnalysisRecord("transfer", {"n_steps": 3}, refer_to(make_file(folder / "analyses" / "sweep.json"))),),
        measured=MeasuredRecord(
            {
                STIMULUS_SET: refer_to(make_file(folder / "set" / "manifest.json")),
                "responses 1": refer_to(make_file(folder / "measured.csv")),
            },
            {"unit": "s", "zscore": True, "seed": 3},
            compared=True,
        ),
        images=ImagesRecord({"top": 3}, ImagesConfig("s", "n", "l", VOXEL, synthesis=SynthesisConfig(seed=2)), "ee"),
        tray=({"image": "cat", "epsilon": 0.1},),
        view=ViewRecord(
            "r",
            "pial",
            "medial",
            "left",
            0.4,
            (10.0, 20.0, 1.0, 2.0, 3.0, 80.0),
            0.3,
            "magma",
            False,
            False,
            True,
            RANGES,
            "map:r",
        ),
        layout={"main_splitter": "AAAA"},
    )


def test_no_field_of_the_example_has_its_default(tmp_path: Path) -> None:
    record, plain = make_record(tmp_path), SessionRecord()
    same = [
        f.name
        for f in dataclasses.fields(record)
        if getattr(record, f.name) == getattr(plain, f.name) and f.name not in ("probe", "pinned")
    ]
    assert same == []


def test_a_round_trip_keeps_everything(tmp_path: Path) -> None:
    record = make_record(tmp_path)
    write_session(record, tmp_path / "deep" / "mine.probescope")
    read = read_session(tmp_path / "deep" / "mine.probescope")
    assert read.record == record
    assert read.saved.startswith("20")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["mine.probescope"]


def test_paths_are_relative_so_the_whole_folder_can_move(tmp_path: Path) -> None:
    record = make_record(tmp_path / "old")
    write_session(record, tmp_path / "old" / "mine.probescope", probe=make_probe(44, 48))
    written = json.loads((tmp_path / "old" / "mine.probescope").read_text())
    assert written["image"]["file"]["path"] == "photos/Käse 1.png"
    (tmp_path / "old").rename(tmp_path / "new")
    moved = read_session(tmp_path / "new" / "mine.probescope").record
    assert moved.image is not None and moved.image.file is not None and moved.probe is not None
    assert moved.image.file.path == tmp_path / "new" / "photos" / "Käse 1.png"
    assert load_probe(moved.probe.path).config == make_probe(44, 48).config


def test_a_session_moved_alone_still_knows_where_its_data_were(tmp_path: Path) -> None:
    record = make_record(tmp_path / "old")
    path = tmp_path / "old" / "mine.probescope"
    write_session(record, path)
    path.rename(tmp_path / "mine.probescope")
    moved = read_session(tmp_path / "mine.probescope").record
    assert moved.image is not None and moved.image.file is not None
    assert moved.image.file.was_at == tmp_path / "old" / "photos" / "Käse 1.png"


def test_the_probe_is_kept_beside_the_session_and_an_older_one_goes(tmp_path: Path) -> None:
    path = tmp_path / "mine.probescope"
    first = write_session(SessionRecord(), path, probe=make_probe(44, 48, epsilon=1.0))
    second = write_session(SessionRecord(), path, probe=make_probe(44, 48, epsilon=2.0))
    assert first.probe is not None and second.probe is not None
    assert not first.probe.path.exists()
    assert len(list(data_of(path).iterdir())) == 2
    assert load_probe(second.probe.path).config.attack.epsilon == 2.0
    write_session(SessionRecord(), path)
    assert not data_of(path).exists()


def test_saving_under_another_name_copies_the_probe(tmp_path: Path) -> None:
    first = write_session(SessionRecord(), tmp_path / "one.probescope", probe=make_probe(44, 48))
    second = write_session(first, tmp_path / "two" / "two.probescope")
    assert second.probe is not None and second.probe.path.parent == tmp_path / "two" / "two.data"
    assert load_probe(second.probe.path).config == make_probe(44, 48).config
    assert first.probe is not None and first.probe.path.exists()


def test_what_is_missing_stays_referred_to(tmp_path: Path) -> None:
    first = write_session(SessionRecord(), tmp_path / "one.probescope", probe=make_probe(44, 48))
    assert first.probe is not None
    first.probe.path.unlink()
    second = write_session(first, tmp_path / "two.probescope")
    assert second.probe == first.probe
    assert read_session(tmp_path / "two.probescope").record.probe == first.probe


def test_other_files_in_the_data_folder_are_left_alone(tmp_path: Path) -> None:
    make_file(tmp_path / "mine.data" / "notes.txt")
    write_session(SessionRecord(), tmp_path / "mine.probescope")
    assert (tmp_path / "mine.data" / "notes.txt").exists()


def test_version_1_written_by_hand_is_migrated(tmp_path: Path) -> None:
    make_file(tmp_path / "cat.png", "123")
    hand_made = """
    {"format": "probescope-session", "version": 1, "saved": "2026-01-02T03:04:05+00:00",
     "subject": "simulated", "network": "alexnet", "layer": "features.11",
     "image": "cat.png", "image_sha256": "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3",
     "target": {"kind": "voxel", "label": "voxel 7 (left V1)", "voxels": [7], "weights": [1.0]},
     "direction": "lower", "attack": {"norm": "linf", "epsilon": 0.03}, "gate_r": 0.2,
     "probe": "old-probe.json", "probe_sha256": "bb", "map": "clean", "geometry": "pial"}
    """
    read = read_session(make_file(tmp_path / "old.probescope", hand_made))
    record = read.record
    assert (record.subject, record.network, record.layer, record.gate_r) == ("simulated", "alexnet", "features.11", 0.2)
    assert record.target == Target(TargetKind.VOXEL, "voxel 7 (left V1)", (7,), (1.0,))
    assert record.direction is Direction.LOWER
    assert record.attack == AttackConfig(NormName.LINF, 0.03, n_steps=10, step_rule=StepRule.FIXED)
    assert record.image is not None and record.image.file == refer_to(tmp_path / "cat.png")
    assert record.view == ViewRecord(map="clean", geometry="pial")
    assert record.probe is not None and record.probe.path == tmp_path / "old-probe.json"
    assert (record.aim, record.analyses, record.tray, record.layout) == (TargetOptions(), (), (), {})
    write_session(record, tmp_path / "new.probescope")
    assert json.loads((tmp_path / "new.probescope").read_text())["version"] == 2
    assert read_session(tmp_path / "new.probescope").record == record


def test_version_1_with_an_image_of_the_catalogue(tmp_path: Path) -> None:
    text = '{"format": "probescope-session", "version": 1, "image": "face_01"}'
    assert read_session(make_file(tmp_path / "old.probescope", text)).record.image == ImageRecord("face_01")


def test_a_newer_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = make_file(tmp_path / "new.probescope", '{"format": "probescope-session", "version": 9}')
    with pytest.raises(BadInputError, match="version 9; this program reads .* versions 1 and 2. Update Probescope"):
        read_session(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is not a session of Probescope, or is cut short"),
        ('{"format": "probescope-session", "versi', "is not a session of Probescope, or is cut short"),
        ("[]", "is not a session of Probescope"),
        ('{"format": "probescope-probe", "version": 1}', "is not a session of Probescope"),
        ('{"format": "probescope-session"}', "is probescope-session version None"),
        ('{"format": "probescope-session", "version": 2, "subject": 3}', "`subject` must be a text, got 3"),
        ('{"format": "probescope-session", "version": 2, "attack": {"epsilon": -1}}', "in `attack`: `epsilon` must be"),
        ('{"format": "probescope-session", "version": 2, "attack": {"nonsense": 1}}', "unknown key `attack.nonsense`"),
        ('{"format": "probescope-session", "version": 2, "target": {"kind": "voxel"}}', "lacks `target.label`"),
        ('{"format": "probescope-session", "version": 2, "view": {"camera": [1, 2]}}', "`view.camera` must be a list"),
        ('{"format": "probescope-session", "version": 2, "probe": {"path": "x"}}', "lacks `probe.sha256`"),
        (
            '{"format": "probescope-session", "version": 1, "image": 3, "image_sha256": "x"}',
            "`image.key` must be a text",
        ),
    ],
)
def test_damaged_files_are_refused_with_a_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(BadInputError, match=sentence):
        read_session(make_file(tmp_path / "bad.probescope", content))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        read_session(tmp_path / "none.probescope")


def test_a_full_disk_leaves_the_older_session_with_its_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.probescope"
    write_session(SessionRecord(subject="s01"), path, probe=make_probe(44, 48, epsilon=1.0))
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}

    def fill(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill)
    with pytest.raises(StorageError, match="No space is left"):
        write_session(SessionRecord(subject="s02"), path, probe=make_probe(44, 48, epsilon=2.0))
    monkeypatch.undo()
    assert {one: one.read_bytes() for one in before} == before
    assert read_session(path).record.subject == "s01"


def test_the_ending_is_added_once(tmp_path: Path) -> None:
    assert with_ending(Path("a.b")) == Path("a.b.probescope")
    assert with_ending(Path("a.probescope")) == Path("a.probescope")


def test_a_record_tells_what_it_holds(tmp_path: Path) -> None:
    record = dataclasses.replace(make_record(tmp_path), probe=refer_to(make_file(tmp_path / "p.json")))
    assert record.describe() == (
        "lower ROI FFA − 0.5 × ROI PPA · cat · alexnet features.11 · finished probe · 1 analysis · "
        "1 stimulus in the tray"
    )
    assert SessionRecord().describe() == "no target"


def test_a_probe_whose_arrays_are_gone_does_not_stop_a_save(tmp_path: Path) -> None:
    record, probe = make_record(tmp_path), make_probe()
    written = write_session(record, tmp_path / "one.probescope", probe=probe)
    assert written.probe is not None
    written.probe.path.with_suffix(".safetensors").unlink()
    (tmp_path / "two").mkdir()
    again = write_session(dataclasses.replace(written, gate_r=0.5), tmp_path / "two" / "two.probescope")
    assert again.probe == written.probe
    assert read_session(tmp_path / "two" / "two.probescope").record.gate_r == 0.5


def test_a_pinned_probe_is_kept_beside_the_one_on_screen(tmp_path: Path) -> None:
    path, pinned = tmp_path / "mine.probescope", make_probe(44, 48, epsilon=1.0)
    write_session(SessionRecord(), path, probe=make_probe(44, 48, epsilon=2.0), pinned=pinned)
    record = read_session(path).record
    assert record.pinned is not None and record.probe is not None
    assert load_probe(record.pinned.path).config.attack.epsilon == 1.0
    assert len(list(data_of(path).iterdir())) == 4
    write_session(SessionRecord(), path, probe=pinned, pinned=pinned)
    assert len(list(data_of(path).iterdir())) == 2, "one probe is kept once"
