"""Uploads to a Django application: a validator judges a picture before anything of it is kept.

    pip install figleaf django
    python django_app.py runserver
    curl -F photo=@photo.jpg http://127.0.0.1:8000/photos

A project in one file, so that it can be read at once; `validate_picture` works in any form's or
model's FileField. The model runs in this process. With FIGLEAF_URL (and FIGLEAF_KEY) it is `figleaf
serve` that is asked: pip install 'figleaf[client]'. Uploads and the database go to ./uploads, or to
FIGLEAF_UPLOADS.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import django
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

import figleaf
from figleaf.errors import ServerError

if TYPE_CHECKING:
    from figleaf.client import Client

MAX_BYTES = 10 * 2**20
FORM_OVERHEAD = 2**16  # boundaries and headers around the file

REFUSED = "This picture cannot be accepted."
"""The same words whatever the score: more would help those who look for the threshold."""

if not settings.configured:
    _folder = Path(os.environ.get("FIGLEAF_UPLOADS", "uploads")).resolve()
    settings.configure(
        DEBUG=False,
        ALLOWED_HOSTS=["127.0.0.1", "localhost", "testserver"],
        SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY") or os.urandom(32).hex(),
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[
            f"{__name__}.capped",  # before any that reads the form
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
        ],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _folder / "uploads.db"}
        },
        MEDIA_ROOT=_folder,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        FIGLEAF_MODEL="inception_v3",
        FIGLEAF_POLICY=None,
        FIGLEAF_URL=os.environ.get("FIGLEAF_URL"),
        FIGLEAF_KEY=os.environ.get("FIGLEAF_KEY"),
    )
    django.setup()


@cache
def judge() -> "figleaf.Classifier | Client":
    """Who judges pictures. Both have `classify`, and give the same predictions.

    Made when it is first needed, in the worker process: threads and connections survive no fork.
    """
    if settings.FIGLEAF_URL is not None:
        from figleaf.client import (
            Client,
            ClientRules,
        )  # an extra, which the other way can do without

        # Somebody is waiting for an answer: better "later" than a worker that hangs.
        rules = ClientRules(timeout=10, patience=5)
        return Client(settings.FIGLEAF_URL, key=settings.FIGLEAF_KEY, rules=rules)
    return figleaf.load(
        settings.FIGLEAF_MODEL,
        policy=settings.FIGLEAF_POLICY,
        # Anybody may upload: a file that crashes a C decoder, or keeps it busy, must not take this
        # process along. With a deadline, decoding happens in processes that can be killed.
        deadline=5.0,
        # What a small file unpacks to is checked against its header, before there is memory for it.
        limits=figleaf.Limits(max_bytes=MAX_BYTES, max_pixels=50_000_000),
    )


def validate_picture(file: UploadedFile) -> None:
    """A validator: refuses what is no picture and what the policy blocks.

    The verdict stays with the upload, as `file.verdict`, for whoever saves it.

    Raises:
        ValidationError: with a code of "large", "unreadable", "blocked" or "unavailable".
    """
    # Django runs all validators of a field, whatever the others say: size has no one of its own.
    if file.size > MAX_BYTES:
        raise ValidationError("This file is too large.", code="large")
    # Name and content type are the uploader's words; the format is told by the bytes.
    file.seek(0)
    try:
        verdict = judge().classify(file.read())
    except ServerError as error:
        # Nobody could look at it, so it is not let in.
        logging.getLogger(__name__).error("uploads cannot be judged: %s", error)
        raise ValidationError("Uploads cannot be taken now.", code="unavailable") from None
    finally:
        file.seek(0)
    if not verdict.ok:
        raise ValidationError("This file is not a picture that can be read.", code="unreadable")
    if verdict.decision == "block":
        raise ValidationError(REFUSED, code="blocked")
    file.verdict = verdict


def own_name(photo: "Photo", _: str) -> str:
    """A name of our own, in a folder by state: what is in review is not served to the public."""
    return f"{photo.state}/{uuid4().hex}"


class Photo(models.Model):  # type: ignore[misc]  # Django publishes no types
    """An upload, and why it is there.

    With model, policy and score on record, an appeal can be answered, and all that an older model
    let in can be judged again.
    """

    state = models.CharField(max_length=6, choices=[("public", "public"), ("review", "review")])
    file = models.FileField(upload_to=own_name)
    sha256 = models.CharField(max_length=64, db_index=True)
    verdict = models.JSONField()

    class Meta:
        app_label = "uploads"


class UploadForm(forms.Form):  # type: ignore[misc]  # as above
    """One picture."""

    photo = forms.FileField(validators=[validate_picture])


STATUSES = {"large": 413, "unavailable": 503}


# A form in a browser needs CsrfViewMiddleware and no exemption; this takes uploads from programs.
@csrf_exempt  # type: ignore[untyped-decorator]  # as above
def upload(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return JsonResponse({"error": "POST a file called photo."}, status=405)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        (error, *_) = form.errors.as_data()["photo"]
        status = STATUSES.get(error.code, 422)
        return JsonResponse({"error": error.messages[0]}, status=status)
    photo = save(form.cleaned_data["photo"])
    status = 201 if photo.state == "public" else 202
    return JsonResponse({"id": photo.pk, "state": photo.state}, status=status)


def save(file: UploadedFile) -> Photo:
    # A policy without a rule for the model decides nothing: a person does.
    photo = Photo(
        state="public" if file.verdict.decision == "allow" else "review",
        sha256=hashlib.sha256(file.read()).hexdigest(),
        verdict=file.verdict.to_dict(),
    )
    photo.file.save(file.name, file, save=True)
    return photo


def capped(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuses what is too large by its own account, before it is read.

    A WSGI server reads no further than that account. Django itself takes a file of any size to
    disk.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES + FORM_OVERHEAD:
            return JsonResponse({"error": "This file is too large."}, status=413)
        return answer(request)

    return middleware


def create_table() -> None:
    """What migrations do in a project of more than one file."""
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    if Photo._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Photo)


urlpatterns = [path("photos", upload)]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    """For a WSGI server: gunicorn django_app:application."""
    return _wsgi()(environ, start_response)


@cache
def _wsgi() -> Any:
    create_table()
    return get_wsgi_application()


if __name__ == "__main__":
    create_table()
    execute_from_command_line(sys.argv)
