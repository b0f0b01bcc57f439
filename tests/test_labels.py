from figleaf import labels


def test_the_five_classes_stand_in_the_order_of_the_models() -> None:
    assert [label.name for label in labels.FIVE] == [
        "drawings",
        "hentai",
        "neutral",
        "porn",
        "sexy",
    ]


def test_unsafe_classes() -> None:
    unsafe = {label.name for label in labels.LABELS.values() if label.unsafe}
    assert unsafe == {"hentai", "porn", "sexy", "nsfw"}


def test_every_class_is_defined_in_both_languages() -> None:
    for label in labels.LABELS.values():
        assert label.definition("en")
        assert label.definition("ko") != label.definition("en")


def test_find_takes_any_case_and_aliases() -> None:
    assert labels.find("Drawing") is labels.FIVE[0]
    assert labels.find(" PORN ") is labels.FIVE[3]
    assert labels.find("dress") is None
