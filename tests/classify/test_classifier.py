import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import figleaf
from figleaf import Classifier, Decision, Limits, Status
from figleaf.classify.source import Source
from figleaf.errors import ImageError, InputError, ModelError
from figleaf.models.runtime import has_bf16


def test_every_kind_of_source_gives_the_same_scores(classifier: Classifier, photo: Path) -> None:
    data = photo.read_bytes()
    image = Image.open(photo)
    array = np.asarray(image.convert("RGB"))
    expected = classifier.classify(photo).scores
    sources: list[Source] = [
        str(photo),
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
        image,
        array,
    ]
    for source in sources:
        assert classifier.classify(source).scores == expected
    assert classifier.classify(array[..., ::-1], channels="BGR").scores == expected
    assert classifier.classify(array[..., ::-1]).scores != expected


def test_a_prediction_of_a_photo(classifier: Classifier, photo: Path) -> None:
    prediction = classifier.classify(photo)
    assert prediction.input == str(photo)
    assert prediction.status is Status.OK
    assert prediction.label == "neutral"
    assert list(prediction.scores.values()) == sorted(prediction.scores.values(), reverse=True)
    assert sum(prediction.scores.values()) == pytest.approx(1, abs=1e-5)
    unsafe = sum(prediction.scores[name] for name in ("hentai", "porn", "sexy"))
    assert prediction.unsafe == pytest.approx(unsafe)
    assert prediction.decision is Decision.ALLOW
    assert (prediction.model, prediction.policy) == ("mobilenet_v2@1", "balanced@1")
    assert prediction.precision == "f32"


def test_top_k_is_about_scores_alone(classifier: Classifier, photo: Path) -> None:
    whole, short = classifier.classify(photo), classifier.classify(photo, top_k=2)
    assert list(short.scores.items()) == list(whole.scores.items())[:2]
    assert short.unsafe == whole.unsafe
    for wrong in (0, -1):
        with pytest.raises(InputError, match="top_k"):
            classifier.classify(photo, top_k=wrong)


def test_one_bad_input_is_a_status_and_stops_nothing(
    classifier: Classifier, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "page.jpg").write_text("<html><body>gone</body></html>")
    (tmp_path / "cut.png").write_bytes(photo.read_bytes()[:5000])
    sources: list[Source] = [
        photo,
        tmp_path / "page.jpg",
        tmp_path / "none",
        tmp_path / "cut.png",
        b"",
        photo,
    ]
    found = classifier.classify_many(sources)
    assert [p.status for p in found] == [
        Status.OK,
        Status.NOT_AN_IMAGE,
        Status.NOT_FOUND,
        Status.TRUNCATED,
        Status.EMPTY,
        Status.OK,
    ]
    bad = found[1]
    assert (bad.label, bad.scores, bad.unsafe) == (None, {}, None)
    assert bad.decision is Decision.REVIEW
    assert "HTML" in bad.reason


def test_what_cannot_be_read_is_decided_by_the_policy(photo: Path) -> None:
    with figleaf.load("mobilenet_v2", policy="strict") as strict:
        assert strict.classify(b"junk").decision is Decision.BLOCK


def test_a_folder(classifier: Classifier, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.png", "a.txt", "sub/c.dat"):
        (tmp_path / name).write_bytes(photo.read_bytes())  # by content, not by name
    found = list(classifier.classify_folder(tmp_path))
    assert [Path(p.input).name for p in found] == ["a.txt", "b.png", "c.dat"]
    assert all(p.ok for p in found)
    assert len(list(classifier.classify_folder(tmp_path, recursive=False))) == 2


def test_a_stream_is_lazy_and_of_any_length(classifier: Classifier) -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield np.full((8, 8, 3), taken % 256, np.uint8)

    stream = classifier.stream(endless())  # type: ignore[arg-type]
    for _ in range(20):
        next(stream)
    assert taken < 20 + 100


def test_batches_give_the_same_scores(photo: Path, pictures: Path) -> None:
    sources: list[Source] = [
        photo,
        b"junk",
        pictures / "coffee.png",
        pictures / "chelsea.png",
        photo,
    ]
    with figleaf.load("mobilenet_v2", batch_size=3) as batched:
        together = batched.classify_many(sources)
        for source, prediction in zip(sources, together, strict=True):
            alone = batched.classify(source)
            assert prediction.status == alone.status
            for name, score in alone.scores.items():
                assert prediction.scores[name] == pytest.approx(score, abs=1e-6)


def test_threads_may_share_a_classifier(classifier: Classifier, pictures: Path) -> None:
    paths = [pictures / name for name in ("astronaut.png", "coffee.png", "rocket.jpg")]
    expected = [classifier.classify(path).scores for path in paths]
    together = threading.Barrier(6)

    def work(number: int) -> bool:
        together.wait(10)
        mine = [paths[(number + turn) % 3] for turn in range(6)]
        found = classifier.classify_many(mine)
        wanted = [expected[(number + turn) % 3] for turn in range(6)]
        return [p.scores for p in found] == wanted

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(work, range(6)))


def test_isolated_decoding_gives_the_same(photo: Path, classifier: Classifier) -> None:
    with figleaf.load("mobilenet_v2", deadline=30) as isolated:
        assert isolated.classify(photo).scores == classifier.classify(photo).scores
        assert isolated.classify(b"junk").status is Status.NOT_AN_IMAGE


def test_a_deadline_is_kept(pictures: Path) -> None:
    with figleaf.load("mobilenet_v2", deadline=0.0005) as hurried:
        prediction = hurried.classify(pictures / "astronaut.png")
    assert prediction.status is Status.TIMEOUT
    assert prediction.decision is Decision.REVIEW


def test_limits_are_kept(photo: Path) -> None:
    with figleaf.load("mobilenet_v2", limits=Limits(max_pixels=1000)) as narrow:
        assert narrow.classify(photo).status is Status.TOO_MANY_PIXELS


def test_fast_names_its_precision_and_stays_near(pictures: Path) -> None:
    path = pictures / "rocket.jpg"
    with figleaf.load("inception_v3") as exact, figleaf.load("inception_v3", fast=True) as fast:
        assert fast.model.precision == ("bf16" if has_bf16() else "f32")
        rough = fast.classify(path)
        assert rough.precision == fast.model.precision
        for name, score in exact.classify(path).scores.items():
            assert rough.scores[name] == pytest.approx(score, abs=0.1)
    with figleaf.load("mobilenet_v2", fast=True, precision="f32") as half:
        assert half.model.precision == "f32"


def test_a_binary_model(photo: Path) -> None:
    with figleaf.load("resnet50_thin") as binary:
        prediction = binary.classify(photo)
    assert set(prediction.scores) == {"sfw", "nsfw"}
    assert prediction.unsafe == prediction.scores["nsfw"]
    assert prediction.decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"deadline": float("inf")}, "deadline"),
        ({"precision": "fp16"}, "precision must be one of f32, bf16"),
        ({"runtime": "tvm"}, "runtime must be one of openvino, onnxruntime"),
        ({"threads": 0}, "threads"),
        ({"batch_size": 0}, "batch_size"),
        ({"deadline": 0}, "deadline"),
        ({"model": "efficientnet_lite0"}, "has no classes"),
    ],
)
def test_misuse_of_load(arguments: dict[str, object], complaint: str) -> None:
    with pytest.raises((InputError, ModelError), match=complaint):
        figleaf.load(**({"model": "mobilenet_v2"} | arguments))  # type: ignore[arg-type]


def test_misuse_of_classify(classifier: Classifier, photo: Path) -> None:
    with pytest.raises(InputError, match="cannot classify"):
        classifier.classify(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="float64"):
        classifier.classify(np.zeros((4, 4, 3)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="several"):
        classifier.classify_many(str(photo))


def test_a_closed_classifier_says_so(photo: Path) -> None:
    closed = figleaf.load("mobilenet_v2")
    closed.close()
    closed.close()
    with pytest.raises(InputError, match="closed"):
        closed.classify_many([photo])
    with pytest.raises(InputError, match="closed"):
        closed.classify(photo)
    with figleaf.load("mobilenet_v2") as late:
        stream = late.stream([photo] * 99)
    with pytest.raises(InputError, match="closed"):
        next(stream)


def test_extreme_pictures_are_no_trouble(classifier: Classifier) -> None:
    for shape in ((1, 1, 3), (1, 50_000, 3), (50_000, 1, 3)):
        assert classifier.classify(np.zeros(shape, np.uint8)).ok
    endless = classifier.classify(np.zeros((1, 2**21, 3), np.uint8))
    assert endless.status is Status.TOO_MANY_PIXELS


def test_prepare_is_what_classify_does(classifier: Classifier, photo: Path) -> None:
    (probabilities,) = classifier.model.run([classifier.prepare(photo)]).probabilities
    assert max(probabilities) == pytest.approx(max(classifier.classify(photo).scores.values()))
    with pytest.raises(ImageError):
        classifier.prepare(b"junk")
