"""figleaf-web in Chromium: every kind of picture, workers and threads, refusals, films, memory."""

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Playwright

import figleaf
from figleaf.models.bundle import ZOO
from figleaf.web.assets import find_assets

from .pages import Opened, furthest, launch
from .serving import served

CLOSE = 1e-5
DECODED = 0.02
"""Two decoders of a lossy format differ by a level here and there."""
MODEL = "mobilenet_v2"


def save(made: Path, name: str, image: Image.Image, kind: str, **options: object) -> bytes:
    with io.BytesIO() as buffer:
        image.save(buffer, kind, **options)
        (made / name).write_bytes(buffer.getvalue())
        return buffer.getvalue()


@pytest.fixture(scope="module")
def cat(pictures: Path) -> Image.Image:
    """A photo with one side twice as dark, so that turning it is noticed."""
    image = Image.open(pictures / "chelsea.png").convert("RGB")
    pixels = np.asarray(image).copy()
    pixels[: pixels.shape[0] // 3] //= 3
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def veiled(cat: Image.Image) -> Image.Image:
    """The same, more and more transparent to the right."""
    pixels = np.asarray(cat.convert("RGBA")).copy()
    pixels[:, :, 3] = np.linspace(255, 0, pixels.shape[1]).astype(np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def files(made: Path, cat: Image.Image, veiled: Image.Image) -> dict[str, bytes]:
    """Picture files, under the names that the site has them by."""
    turned = Image.Exif()
    turned[0x0112] = 6
    cutout = veiled.quantize(64)
    cutout.info["transparency"] = cutout.getpixel((0, 0))
    return {
        "cat.png": save(made, "cat.png", cat, "PNG"),
        "cat.jpg": save(made, "cat.jpg", cat, "JPEG", quality=90),
        "turned.jpg": save(made, "turned.jpg", cat, "JPEG", quality=90, exif=turned.tobytes()),
        "grey.jpg": save(made, "grey.jpg", cat.convert("L"), "JPEG"),
        "cat.webp": save(made, "cat.webp", cat, "WEBP", lossless=True),
        "cat.avif": save(made, "cat.avif", cat, "AVIF", quality=90),
        "cat.bmp": save(made, "cat.bmp", cat, "BMP"),
        "cat.gif": save(made, "cat.gif", cutout, "GIF"),
        "veiled.png": save(made, "veiled.png", veiled, "PNG"),
        "veiled.webp": save(made, "veiled.webp", veiled, "WEBP", lossless=True, exact=True),
    }


@pytest.fixture(scope="module")
def shared(browser: Browser, site: str) -> Iterator[Opened]:
    """A page with a model loaded."""
    with Opened(browser, site) as one:
        one.load(MODEL)
        yield one
        assert one.complaints == []
        assert all(url.startswith((site, "blob:", "data:")) for url in one.requests)


def pythons(classifier: figleaf.Classifier, file: bytes) -> dict[str, float]:
    return dict(classifier.classify(file).scores)


@pytest.mark.parametrize(
    "name",
    ["cat.png", "cat.webp", "cat.bmp", "cat.gif", "cat.jpg", "grey.jpg", "turned.jpg", "cat.avif"],
)
def test_files_are_read_as_python_reads_them(
    name: str, shared: Opened, files: dict[str, bytes], classifier: figleaf.Classifier
) -> None:
    told = shared.run("return model.scores(await file(given))", name)
    lossy = name.endswith((".jpg", ".avif"))
    assert furthest(told, pythons(classifier, files[name])) < (DECODED if lossy else CLOSE)


@pytest.mark.parametrize("name", ["veiled.png", "veiled.webp"])
def test_alpha_lies_over_the_cards_background(
    name: str, shared: Opened, files: dict[str, bytes], classifier: figleaf.Classifier
) -> None:
    told = shared.run("return model.scores(await file(given))", name)
    # A canvas multiplies by alpha, in bytes, before its pixels can be read.
    assert furthest(told, pythons(classifier, files[name])) < DECODED


SOURCES = {
    "an image element": "return model.scores(await image('/made/cat.png'));",
    "an image element that is still loading": """
        const one = new Image();
        one.src = '/made/cat.png?again';
        return model.scores(one);""",
    "an image element, shown small": """
        const one = await image('/made/cat.png');
        one.width = 50;
        document.body.append(one);
        return model.scores(one);""",
    "an ImageBitmap": "return model.scores(await createImageBitmap(await file('cat.png')));",
    "a canvas": "return model.scores(canvas(document.createElement('canvas')));",
    "an OffscreenCanvas": "return model.scores(canvas(new OffscreenCanvas(1, 1)));",
    "ImageData": "return model.scores(data());",
    "RGB pixels": """
        const { width, height, data: rgba } = data();
        const rgb = rgba.filter((_, at) => at % 4 < 3);
        return model.scores({ data: new Uint8Array(rgb), width, height });""",
    "a VideoFrame": """
        const one = new VideoFrame(await createImageBitmap(await file('cat.png')), {timestamp: 0});
        const told = await model.scores(one);
        one.close();
        return told;""",
    "a Blob": "return model.scores(await file('cat.png'));",
    "a File": "return model.scores(new File([await file('cat.png')], 'cat.txt'));",
}
_CANVAS = """
const source = await image('/made/cat.png');
const canvas = (one) => {
  Object.assign(one, { width: source.naturalWidth, height: source.naturalHeight });
  one.getContext('2d').drawImage(source, 0, 0);
  return one;
};
const data = () => {
  const one = canvas(document.createElement('canvas'));
  return one.getContext('2d').getImageData(0, 0, one.width, one.height);
};
"""


@pytest.mark.parametrize("kind", SOURCES)
def test_pictures_of_every_kind(
    kind: str, shared: Opened, files: dict[str, bytes], classifier: figleaf.Classifier
) -> None:
    told = shared.run(_CANVAS + SOURCES[kind])
    assert furthest(told, pythons(classifier, files["cat.png"])) < CLOSE


def test_a_source_is_left_as_it_was(shared: Opened, files: dict[str, bytes]) -> None:
    told = shared.run(
        _CANVAS
        + """
        const bitmap = await createImageBitmap(source);
        const painted = data();
        const own = new VideoFrame(bitmap, { timestamp: 0 });
        await Promise.all([bitmap, painted, own].map((one) => model.scores(one)));
        return [bitmap.width, painted.data.length, own.displayWidth];
        """
    )
    assert told == [451, 451 * 300 * 4, 451]
    assert files


def test_what_is_shown_at_the_call_counts(
    shared: Opened, files: dict[str, bytes], classifier: figleaf.Classifier
) -> None:
    told = shared.run(
        _CANVAS
        + """
        const one = canvas(document.createElement('canvas'));
        const answers = [1, 2, 3].map(() => model.scores(one));
        one.getContext('2d').fillRect(0, 0, 1000, 1000);
        return Promise.all(answers);
        """
    )
    for one in told:
        assert furthest(one, pythons(classifier, files["cat.png"])) < CLOSE


def test_nsfwjss_shape(
    shared: Opened, files: dict[str, bytes], classifier: figleaf.Classifier
) -> None:
    told = shared.run("return model.classify(await file('cat.png'), 3)")
    expected = classifier.classify(files["cat.png"]).to_dict("nsfwjs")["predictions"][:3]
    assert [one["className"] for one in told] == [one["className"] for one in expected]
    values = [one["probability"] for one in expected]
    assert [one["probability"] for one in told] == pytest.approx(values, abs=CLOSE)
    assert len(shared.run("return model.classify(await file('cat.png'))")) == 5


@pytest.mark.parametrize("worker", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
def test_workers_and_threads(
    worker: bool,
    threads: int,
    opened: Opened,
    files: dict[str, bytes],
    classifier: figleaf.Classifier,
) -> None:
    opened.load(MODEL, worker=worker, threads=threads)
    assert opened.run("return [model.backend, model.threads]") == ["wasm", threads]
    urls = [one.url for one in opened.page.workers]
    assert any(url.endswith("/worker.js") for url in urls) is worker
    told = opened.run("return model.scores(await file('cat.png'))")
    assert furthest(told, pythons(classifier, files["cat.png"])) < CLOSE
    opened.run("await model.dispose(); await model.dispose()")
    refused = opened.run("return refusal(model.scores(await file('cat.png')))")
    assert refused.startswith("FigleafError DISPOSED")
    if worker:
        opened.without_workers()


def test_a_worker_that_has_died_is_not_waited_for(opened: Opened, files: dict[str, bytes]) -> None:
    opened.load(MODEL, threads=1)
    (worker,) = opened.page.workers
    worker.evaluate("setTimeout(() => { throw new Error('a fault in there') })")
    opened.without_workers()
    told = opened.run("return refusal(model.scores(await file('cat.png')))")
    assert told.startswith("FigleafError RUNTIME: the worker has stopped")


def test_half_of_the_cores_by_default(opened: Opened) -> None:
    opened.load(MODEL)
    cores = opened.run("return navigator.hardwareConcurrency")
    expected = min(8, max(min(cores, 2), (cores + 1) // 2))
    assert opened.run("return model.threads") == expected


def test_without_isolation_there_is_one_thread(
    browser: Browser, plain_site: str, files: dict[str, bytes], classifier: figleaf.Classifier
) -> None:
    with Opened(browser, plain_site) as one:
        one.load(MODEL, threads=4)
        assert one.run("return model.threads") == 1
        told = one.run("return model.scores(await file('cat.png'))")
        assert furthest(told, pythons(classifier, files["cat.png"])) < CLOSE
        assert one.complaints == []


def test_a_page_has_the_threads_of_its_first_model(opened: Opened) -> None:
    opened.load(MODEL, worker=False, threads=1)
    opened.load(MODEL, worker=False, threads=2)
    assert opened.run("return model.threads") == 1  # and says so
    opened.load(MODEL, threads=2)
    assert opened.run("return model.threads") == 2


def test_where_no_worker_can_be_started(browser: Browser, site: str) -> None:
    program = "throw new DOMException('not here', 'SecurityError')"
    with Opened(browser, site) as one:
        one.page.evaluate(f"void (globalThis.Worker = function () {{ {program} }})")
        told = one.run("return refusal(load('/models/mobilenet_v2/'))")
        assert told.startswith("FigleafError UNSUPPORTED: ")
        assert "worker: false" in told


@pytest.mark.parametrize("worker", [True, False])
def test_calls_may_overlap(
    worker: bool, opened: Opened, files: dict[str, bytes], classifier: figleaf.Classifier
) -> None:
    names = ["cat.png", "veiled.png", "cat.webp", "grey.jpg", "cat.gif"]
    told = opened.run(
        f"""
        const load2 = (name) => load(`/models/${{name}}/`,
          {{ backend: "wasm", worker: {json.dumps(worker)} }});
        const [one, other] = await Promise.all([load2(given[0]), load2(given[1])]);
        const files = await Promise.all(given[2].map(file));
        const broken = new Blob(["no picture"]);
        const answers = [...files, broken].map((each) => one.scores(each));
        const others = files.map((each) => other.scores(each));
        const settled = await Promise.allSettled([...answers, ...others]);
        await one.dispose();
        await other.dispose();
        return settled.map(({{ value, reason }}) => value ?? reason.code);
        """,
        [MODEL, "mobilenet_v2_mid", names],
    )
    assert told[len(names)] == "UNREADABLE"
    for name, scores in zip(names, told, strict=False):
        assert furthest(scores, pythons(classifier, files[name])) < DECODED
    with figleaf.load("mobilenet_v2_mid") as mid:
        for name, scores in zip(names, told[len(names) + 1 :], strict=True):
            assert furthest(scores, pythons(mid, files[name])) < DECODED


REFUSALS = {
    "no such bundle": ("load('/models/none/')", "NOT_FOUND", "card.json: HTTP 404"),
    "a damaged graph": ("load('/made/damaged/')", "BAD_BUNDLE", "SHA-256"),
    "no graph at all": ("load('/made/no-graph')", "RUNTIME", "refuses the graph"),
    "no runtime": ("load('/models/mobilenet_v2/', {ort: '/none/'})", "NOT_FOUND", "give `ort`"),
    "half a runtime": (
        "load('/models/mobilenet_v2/', {ort: '/made/half'})",
        "NOT_FOUND",
        "missing",
    ),
    "nobody there": ("load('http://127.0.0.1:1/')", "NOT_FOUND", "cannot be fetched"),
    "another backend": ("load('/', {backend: 'cuda'})", "BAD_ARGUMENT", "backend"),
}


@pytest.fixture(scope="module")
def damaged(made: Path) -> Path:
    source = ZOO / MODEL
    for name in ("damaged", "no-graph"):
        (made / name).mkdir()
        shutil.copy(source / "card.json", made / name)
    (made / "half").mkdir()
    for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs"):
        shutil.copy(find_assets().runtime / name, made / "half")
    graph = bytearray((source / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (made / "damaged/model.onnx").write_bytes(graph)
    card = json.loads((source / "card.json").read_text())
    (made / "no-graph/model.onnx").write_bytes(b"no graph")
    card["sha256"]["model.onnx"] = hashlib.sha256(b"no graph").hexdigest()
    (made / "no-graph/card.json").write_text(json.dumps(card))
    return made


@pytest.mark.parametrize("worker", [True, False])
@pytest.mark.parametrize("what", REFUSALS)
def test_what_cannot_be_loaded(
    what: str, worker: bool, browser: Browser, site: str, damaged: Path
) -> None:
    call, code, words = REFUSALS[what]
    assert damaged.is_dir()
    options = f"{{backend: 'wasm', worker: {json.dumps(worker)}"
    call = (
        call.replace("{", f"{options}, ") if "{" in call else call.replace(")", f", {options}}})")
    )
    with Opened(browser, site) as one:
        told = one.run(f"return refusal({call})")
        assert told.startswith(f"FigleafError {code}: "), told
        assert words in told
        if worker:
            one.without_workers()


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("new Blob(['no picture'])", "UNREADABLE"),
        ("new Blob([])", "UNREADABLE"),
        ("(await file('cat.png')).slice(0, 300)", "UNREADABLE"),
        ("new Image()", "UNREADABLE"),
        ("document.createElement('video')", "UNREADABLE"),
        ("document.createElement('canvas').transferControlToOffscreen()", "UNREADABLE"),
        ("document.createElement('p')", "BAD_ARGUMENT"),
        ("'/made/cat.png'", "BAD_ARGUMENT"),
    ],
)
def test_what_is_no_picture(what: str, code: str, shared: Opened, files: dict[str, bytes]) -> None:
    assert files
    if "canvas" in what:
        what = f"Object.assign({what}, {{ width: 0 }})"
    told = shared.run(f"return refusal(model.scores({what}))")
    assert told.startswith(f"FigleafError {code}: "), told


@pytest.mark.parametrize("worker", [True, False])
def test_another_sites_picture_may_not_be_read(
    worker: bool, browser: Browser, plain_site: str, made: Path, files: dict[str, bytes]
) -> None:
    assert files
    with served({"made": made}, {}) as other, Opened(browser, plain_site) as one:
        one.load(MODEL, worker=worker)
        told = one.run("return refusal(model.scores(await image(given)))", f"{other}made/cat.png")
        assert told.startswith("FigleafError UNREADABLE: "), told
        assert "crossorigin='anonymous'" in told


def test_loading_can_be_aborted(opened: Opened) -> None:
    told = opened.run(
        """
        const controller = new AbortController();
        const { signal } = controller;
        const onProgress = () => controller.abort();
        const options = (worker) => ({ worker, signal, onProgress, backend: "wasm" });
        const first = await refusal(load("/models/mobilenet_v2/", options(given)));
        return [first, await refusal(load("/models/mobilenet_v2/", options(given)))];
        """,
        True,
    )
    assert all(one.startswith("AbortError") for one in told), told
    opened.without_workers()


def test_how_far_the_loading_is(opened: Opened) -> None:
    size = (ZOO / MODEL / "model.onnx").stat().st_size
    steps = opened.run(
        """
        const steps = [];
        const onProgress = (...step) => steps.push(step);
        await (await load("/models/mobilenet_v2/", { backend: "wasm", onProgress })).dispose();
        return steps;
        """
    )
    assert steps[-1] == [size, size]
    assert [one[0] for one in steps] == sorted(one[0] for one in steps)


def test_calls_that_wait_end_with_the_model(opened: Opened, files: dict[str, bytes]) -> None:
    assert files
    opened.load(MODEL)
    told = opened.run(
        """
        const one = await file("cat.png");
        const waiting = [1, 2, 3].map(() => refusal(model.scores(one)));
        await model.dispose();
        return Promise.all(waiting);
        """
    )
    assert all(one.startswith("FigleafError DISPOSED") for one in told)


def test_a_backbone_has_features_only(opened: Opened) -> None:
    opened.load("efficientnet_lite0")
    told = opened.run("return refusal(model.classify(new ImageData(4, 4)))")
    assert told.startswith("FigleafError UNSUPPORTED")
    assert opened.run("return (await model.features(new ImageData(4, 4))).length") == 1280


def test_memory_does_not_grow(browser: Browser, site: str, files: dict[str, bytes]) -> None:
    assert files
    with Opened(browser, site) as one:
        one.load(MODEL, threads=1)
        work = """
            const one = await file("cat.jpg");
            const element = await image("/made/cat.png");
            for (let n = 0; n < given; n++) await model.scores(n % 2 ? one : element);
        """
        one.run(work, 60)
        before = renderers(browser)
        one.run(work, 200)
        assert renderers(browser) - before < 40  # 200 leaked pictures would be 110 MB, and 3 each


def renderers(browser: Browser) -> float:
    """The resident memory of the browser's page processes, in megabytes."""
    session = browser.new_browser_cdp_session()
    told = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    pages = [Path(f"/proc/{one['id']}/status") for one in told if one["type"] == "renderer"]
    lines = [line for page in pages for line in page.read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def test_webgpu_where_there_is_an_adapter(
    playwright: Playwright,
    site: str,
    files: dict[str, bytes],
    classifier: figleaf.Classifier,
) -> None:
    flags = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
    with launch(playwright.chromium, *flags) as browser, Opened(browser, site) as one:
        if not one.run("return Boolean(await navigator.gpu?.requestAdapter())"):
            pytest.skip("needs a WebGPU adapter")
        one.load(MODEL, backend="webgpu")
        assert one.run("return model.backend") == "webgpu"
        told = one.run("return model.scores(await file('cat.png'))")
        assert furthest(told, pythons(classifier, files["cat.png"])) < 2e-3
        one.load(MODEL, backend="auto")  # in software it is no gain
        assert one.run("return model.backend") == "wasm"


def test_without_an_adapter_auto_is_wasm(opened: Opened) -> None:
    opened.load(MODEL, backend="auto")
    assert opened.run("return model.backend") == "wasm"
    refused = opened.run("return refusal(load('/models/mobilenet_v2/', { backend: 'webgpu' }))")
    assert refused.startswith("FigleafError UNSUPPORTED")
    opened.complaints.clear()  # Chromium itself says that there is no adapter
