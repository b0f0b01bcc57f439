"""A report by way of JSON and back."""

import json

from figleaf.auditing.report import AuditReport, Outlier, Overlap, Suspect

REPORT = AuditReport(
    backbone="resnet50_thin",
    precision="f32",
    images=12,
    unreadable=1,
    left_out=2,
    classes=("cats", "고양이"),
    estimated=3,
    joint=((5, 1), (2, 4)),
    accuracy=0.1 + 0.2,
    temperature=1 / 3,
    l2=0.01,
    suspects=(
        Suspect("a/b.jpg", "00ff", "cats", "고양이", "train", 0.9, 0.1, 2 / 3, True),
        Suspect("a/c.jpg", "00fe", "고양이", "cats", "test", 0.4, 0.5, 0.3, False),
    ),
    outliers=(Outlier("a/d.jpg", "00fd", "cats", "train", 7.1, "고양이"),),
    overlaps=(Overlap("cats", "고양이", 0.7, 3),),
    hardest=Overlap("cats", "고양이", 0.7, 3),
    apply=0.9,
    applied=1,
    settled=0,
    data_hash="d",
    split="s",
    versions={"figleaf": "1"},
)


def test_a_report_comes_back_from_json_as_it_was() -> None:
    text = json.dumps(REPORT.to_dict())
    assert AuditReport.from_dict(json.loads(text)) == REPORT
    assert json.loads(text) == REPORT.to_dict()


def test_there_may_be_no_pair_of_classes() -> None:
    values = REPORT.to_dict() | {"hardest": None, "overlaps": []}
    assert AuditReport.from_dict(values).hardest is None


def test_listed_labels_are_counted() -> None:
    assert REPORT.listed == 1
