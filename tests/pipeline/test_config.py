from dataclasses import fields
from pathlib import Path

import pytest

from figleaf.auditing.rules import AuditRules
from figleaf.curate.splitting.rules import SplitChanges
from figleaf.errors import InputError
from figleaf.pipeline.config import Config, read_config, template
from figleaf.pipeline.rules import RunRules, StageName
from figleaf.training.rules import Mode, TrainRules


def read(folder: Path, text: str) -> Config:
    file = folder / "run.toml"
    file.write_text(f"format = 1\n{text}", "utf-8")
    return read_config(file)


def test_the_template_says_what_holds_without_it(tmp_path: Path) -> None:
    file = tmp_path / "figleaf.toml"
    file.write_text(template(("photos",), "my-run"), "utf-8")
    found, usual = read_config(file).rules, RunRules()
    for one in fields(usual):
        if one.name != "split":
            assert getattr(found, one.name) == getattr(usual, one.name), one.name
    assert found.split == SplitChanges(test=0.15, validation=0.0, seed=0)


@pytest.mark.parametrize("name", ['a "photo" \\ list', "사진", "tab\there", "lists/[x].txt"])
def test_any_name_survives_the_template(tmp_path: Path, name: str) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / name).touch()
    file = tmp_path / "figleaf.toml"
    file.write_text(template((name,), name), "utf-8")
    found = read_config(file)
    assert found.sources == (str(tmp_path / name),)
    assert found.out == tmp_path / name


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    for name in ("photos", "other", "net"):
        (tmp_path / name).mkdir()
    for name in ("hashes.txt", "policy.toml"):
        (tmp_path / name).touch()
    found = read(
        tmp_path,
        """
        sources = ["photos", "neutral=other"]
        out = "run"
        [collect]
        blocklists = ["hashes.txt"]
        [train]
        backbone = "resnet50_thin+net"
        [evaluate]
        policy = "policy.toml"
        """,
    )
    assert found.sources == (str(tmp_path / "photos"), f"neutral={tmp_path / 'other'}")
    assert found.out == tmp_path / "run"
    assert found.rules.collect.blocklists == (tmp_path / "hashes.txt",)
    assert found.rules.train.backbone == f"resnet50_thin+{tmp_path / 'net'}"
    assert found.rules.evaluate.policy == str(tmp_path / "policy.toml")


def test_sources_that_are_no_single_path(tmp_path: Path) -> None:
    (tmp_path / "x=y").mkdir()
    found = read(tmp_path, 'sources = ["neutral=data-{0..9}.tar", "x=y", "a=x=y"]').sources
    assert found == (
        f"neutral={tmp_path / 'data-{0..9}.tar'}",
        str(tmp_path / "x=y"),
        f"a={tmp_path / 'x=y'}",
    )


def test_a_plus_sign_in_a_name(tmp_path: Path) -> None:
    (tmp_path / "a+b.toml").touch()
    found = read(tmp_path, '[evaluate]\npolicy = "a+b.toml"').rules
    assert found.evaluate.policy == str(tmp_path / "a+b.toml")


def test_fast_is_for_what_has_it() -> None:
    assert RunRules().faster().train.fast
    tuned = RunRules(train=TrainRules(mode=Mode.FINETUNE, backbone="resnet50_thin")).faster()
    assert not tuned.train.fast
    assert tuned.evaluate.fast


def test_values_of_all_types(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        language = "ko"
        name = "mine"
        note = "practice"
        [collect.fetch]
        per_host_rate = 2
        [collect.frames]
        most = 3
        [clean]
        off = ["aspect_ratio"]
        placeholder_sizes = [[161, 81], [130, 60]]
        [screen]
        same = { dress = "neutral" }
        [split]
        by = "sources"
        [train]
        mode = "finetune"
        [finetune]
        epochs = 3
        [audit]
        apply = 0.9
        [evaluate]
        target_fpr = [0.01]
        precision = "bf16"
        """,
    ).rules
    assert (found.language, found.name) == ("ko", "mine")
    assert found.note == "practice"
    assert found.collect.fetch.per_host_rate == 2.0
    assert found.collect.frames.most == 3
    assert found.clean.placeholder_sizes == ((161, 81), (130, 60))
    assert found.screen is not None
    assert found.screen.same == {"dress": "neutral"}
    assert found.split.by == "sources"
    assert found.train.mode is Mode.FINETUNE
    assert found.finetune is not None
    assert found.finetune.epochs == 3
    assert found.audit.apply == 0.9
    assert found.evaluate.target_fpr == (0.01,)
    assert found.evaluate.precision == "bf16"


def test_screening_can_be_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, "[screen]\noff = true").rules.screen is None
    assert read(tmp_path, "[screen]\noff = false").rules.screen is not None


def test_what_relabels_comes_before_the_training() -> None:
    usual = RunRules().order
    assert usual == tuple(StageName)
    applied = RunRules(audit=AuditRules(apply=0.9), screen=None).order
    assert StageName.SCREEN not in applied
    assert applied.index(StageName.AUDIT) == applied.index(StageName.TRAIN) - 1


def test_the_audit_judges_by_what_was_trained_on() -> None:
    probe = RunRules(train=TrainRules(backbone="mobilenet_v2_mid", fast=True))
    assert probe.auditing == AuditRules(backbone="mobilenet_v2_mid", fast=True)
    named = RunRules(train=probe.train, audit=AuditRules(backbone="efficientnet_lite0"))
    assert named.auditing == named.audit
    auto = RunRules(train=TrainRules(backbone="auto"))
    tuned = RunRules(train=TrainRules(mode=Mode.FINETUNE, backbone="resnet50_thin"))
    assert auto.auditing == tuned.auditing == AuditRules()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "unknown field 'colour'"),
        ("[trian]", "unknown field 'trian'"),
        ("train = 3", "'train' is 3, not a table"),
        ("[train]\nepochs = 3", r"\[train\] has no 'epochs'; there are mode"),
        ("[clean]\nmin_side = 'x'", r"\[clean\] 'min_side' is 'x', not a whole number"),
        ("[clean]\nmin_side = true", r"\[clean\] 'min_side' is True, not a whole number"),
        ("[clean]\nmin_side = 0", r"\[clean\] min_side must be"),
        ("[collect.fetch]\nrobots = 1", r"\[collect.fetch\] 'robots' is 1, not true or false"),
        ("[collect]\nblocklists = 'x'", r"'blocklists' is 'x', not a list"),
        ("[train]\nmode = 'prob'", r"\[train\] 'mode' is 'prob', not one of probe, finetune"),
        ("[evaluate]\npart = 'all'", r"\[evaluate\] has no 'part'"),
        ("[finetune]\nepochs = 3", "finetune is for train's mode 'finetune'"),
        ("sources = 'photos'", "'sources' is 'photos', not a list of texts"),
        ("sources = ['']", "not a list of texts"),
        ("out = 3", r"toml: 'out' is 3, not a text"),
        ("language = 'fr'", "language must be one of en, ko"),
    ],
)
def test_what_cannot_be_meant_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "run.toml"))


@pytest.mark.parametrize("text", ["format = 2", "", "format = ", "\0", "format = 1\nformat = 1"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"run\.toml"):
        read_config(file)


def test_a_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="figleaf init makes one"):
        read_config(tmp_path / "gone.toml")
