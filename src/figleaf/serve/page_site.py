"""The site of the models that are served now: made when it is first asked for, and anew after a
reload."""

import asyncio
from collections.abc import Mapping

from figleaf.errors import FigleafError, PageError
from figleaf.models.bundle import is_embedded
from figleaf.serve.hosted import Catalogue
from figleaf.serve.service import Service
from figleaf.web.fallback import Why, fallback_site
from figleaf.web.files import SiteFile, page_files
from figleaf.web.site import Offer, SiteModel, site, site_model, source_of

_SERVER = "v1/classify"


class PageSite:
    """The files of a service's page.

    Args:
        service: whose models they are about.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._files: Mapping[str, SiteFile] = {}
        self._made_for: Catalogue | None = None
        self._making = asyncio.Lock()
        self._packed: dict[str, asyncio.Task[bytes | None]] = {}

    async def files(self, catalogue: Catalogue) -> Mapping[str, SiteFile]:
        """All files, by name.

        Args:
            catalogue: the models and policies that are served now.
        """
        if self._made_for is not catalogue:
            async with self._making:
                if self._made_for is not catalogue:
                    self._files = await asyncio.to_thread(self._made, catalogue)
                    self._made_for = catalogue
                    there = {file.sha256 for file in self._files.values()}
                    self._packed = {key: one for key, one in self._packed.items() if key in there}
        return self._files

    def forget(self) -> None:
        """Have the site made anew: a file has changed."""
        self._made_for = None

    async def packed(self, file: SiteFile) -> bytes | None:
        """A file by gzip, done once and kept in memory; None where it is not worth it.

        Raises:
            PageError: the file has changed.
        """
        task = self._packed.get(file.sha256)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(file.compressed))
            self._packed[file.sha256] = task
        try:
            # Others wait for it too, and go on where one goes away.
            return await asyncio.shield(task)
        except PageError:
            self._packed.pop(file.sha256, None)
            raise

    def _made(self, catalogue: Catalogue) -> Mapping[str, SiteFile]:
        try:
            page = page_files(self._service.find_assets())
        except PageError as error:
            self._service.log.write("page", outcome="missing", detail=str(error))
            return fallback_site(Why.ASSETS, _SERVER)
        models = self._models(catalogue)
        if not models:
            return fallback_site(Why.PRIVATE, _SERVER)
        default = catalogue.default_policy or models[0].policy
        return site(page, Offer(models, list(catalogue.policies.values()), default, _SERVER))

    def _models(self, catalogue: Catalogue) -> list[SiteModel]:
        """Those that may be downloaded; one that has changed on the disk waits for a reload."""
        rules = self._service.rules
        default = catalogue.policies.get(catalogue.default_policy or "")
        models: list[SiteModel] = []
        for name, hosted in zip(rules.models, catalogue.models.values(), strict=True):
            if rules.keys is not None and not is_embedded(name):  # which everybody has already
                continue
            try:
                source, taken = source_of(name), [model.folder for model in models]
                models.append(site_model(source, hosted.card, default, taken))
            except FigleafError as error:
                self._service.log.write("page", outcome="changed", detail=str(error))
        return models
