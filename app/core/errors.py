"""
Every error that Lookalike raises on purpose, as one tree.

    LookalikeError
    ├── InvalidImage            the bytes cannot be used as a photo
    │   ├── EmptyImage · NotAnImage · FormatNotAllowed · ImageCorrupt
    │   ├── ImageTooLarge · ImageTooSmall · ImageTooComplex · AspectNotAllowed
    │   └── DecodeTimedOut
    ├── EmbeddingRefused        the network's answer cannot be compared
    │   └── EmbeddingNotFinite · EmbeddingZero
    ├── InvalidRequest          the request is not one that the service answers
    │   ├── MissingImage · UnsupportedMediaType · TooManyParts · BodyTooLarge · FieldTooLarge
    │   ├── MalformedRequest · MalformedMultipart · HeaderTooLarge · RequestTimedOut
    │   ├── InvalidParameter · InvalidKey · KeyNotEnough · ForbiddenOrigin · RateLimited
    │   └── NotFound · MethodNotAllowed · WrongState
    ├── Unavailable             try again later
    │   └── Overloaded · IndexNotReady
    ├── NetworkError            the network cannot be used
    │   ├── UnknownNetwork · RuntimeNotAvailable · ParityFailed
    │   └── WeightsMissing · WeightsCorrupt · WeightsUnsafe · WeightsMismatch
    ├── DownloadFailed
    │   └── DownloadRefused · DownloadTimedOut · DownloadCorrupt
    ├── FetchFailed             a picture or a feed could not be had from another server
    │   ├── UrlNotAllowed · UpstreamTimedOut · UpstreamTooLarge
    │   └── UpstreamStatus · UpstreamUnreachable · UpstreamBroken · UpstreamGivenUp
    ├── SnapshotError
    │   └── SnapshotMissing · SnapshotCorrupt · SnapshotIncompatible
    ├── IndexingFailed
    │   ├── SourceMissing · SourceEmpty · SourceInvalid · NoReadableImage
    │   ├── RemovalRefused · TooManyFailures · ImportUnfinished
    │   └── AlreadyRunning · VerificationFailed · RelevanceTooLow · JobLost
    ├── TrainingFailed          nothing was learned; what was learned before stays
    │   └── TooFewExamples
    ├── HeadUnusable
    ├── DatabaseError
    │   └── DatabaseUnavailable · DatabaseCorrupt · DatabaseTooNew · DatabaseTooOld
    ├── StorageError
    │   └── DataDirNotReadable · DataDirNotWritable · DataDirBusy · DiskFull
    ├── PortInUse
    ├── KeysMissing
    ├── InvalidSetting
    └── InternalError           what nobody foresaw; its cause is only logged

A message is one or two plain sentences: what happened, the value, the limit, and what to do about it.
It never holds a path, a file name or a text that came over HTTP. `slug` is stable: scripts compare it.
HTTP status codes belong to `app.api.errors`, exit codes to `lookalike`.
"""

from typing import ClassVar


class LookalikeError(Exception):
    """The root: whoever catches this catches every expected failure and nothing else."""

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidImage(LookalikeError):
    """The bytes cannot be used as a photo."""


class EmptyImage(InvalidImage):
    """The file has no bytes."""

    slug = "empty-image"
    title = "The image is empty"


class NotAnImage(InvalidImage):
    """The bytes are no image at all."""

    slug = "not-an-image"
    title = "The file is not an image"


class FormatNotAllowed(InvalidImage):
    """An image, of a format that is not accepted."""

    slug = "format-not-allowed"
    title = "This image format is not accepted"


class ImageCorrupt(InvalidImage):
    """The image breaks off or contradicts itself."""

    slug = "image-corrupt"
    title = "The image is damaged"


class ImageTooLarge(InvalidImage):
    """More pixels, or a longer side, than the limit."""

    slug = "image-too-large"
    title = "The image has too many pixels"


class ImageTooSmall(InvalidImage):
    """A side is shorter than the limit."""

    slug = "image-too-small"
    title = "The image is too small"


class ImageTooComplex(InvalidImage):
    """Few bytes that would take very long to decode."""

    slug = "image-too-complex"
    title = "The image is too complex to decode"


class AspectNotAllowed(InvalidImage):
    """One side is far longer than the other."""

    slug = "aspect-not-allowed"
    title = "The image is too narrow"


class DecodeTimedOut(InvalidImage):
    """Decoding was stopped at its deadline or its memory limit."""

    slug = "decode-timeout"
    title = "The image took too long to decode"


class EmbeddingRefused(LookalikeError):
    """The network's answer for a picture cannot be compared with others."""


class EmbeddingNotFinite(EmbeddingRefused):
    """The network produced NaN or infinity."""

    slug = "embedding-not-finite"
    title = "The network gave no usable answer for this image"


class EmbeddingZero(EmbeddingRefused):
    """Every activation is zero, so that no direction is left to compare."""

    slug = "embedding-zero"
    title = "The network sees nothing in this image"


class InvalidRequest(LookalikeError):
    """The request is not one that the service answers."""


class MissingImage(InvalidRequest):
    """A search or classification without a picture to work on."""

    slug = "missing-image"
    title = "No image was sent"


class UnsupportedMediaType(InvalidRequest):
    """The body is of another type than multipart/form-data, or compressed."""

    slug = "unsupported-media-type"
    title = "Unsupported media type"


class TooManyParts(InvalidRequest):
    """More files or fields than a request may have."""

    slug = "too-many-parts"
    title = "Too many parts in the request"


class BodyTooLarge(InvalidRequest):
    """The body is longer than the limit."""

    slug = "body-too-large"
    title = "The upload is too large"


class FieldTooLarge(InvalidRequest):
    """A text field is longer than the limit."""

    slug = "field-too-large"
    title = "A field is too long"


class MalformedRequest(InvalidRequest):
    """The bytes on the wire are not HTTP as it should be."""

    slug = "malformed-request"
    title = "The request is malformed"


class MalformedMultipart(InvalidRequest):
    """The body is not the multipart/form-data that it says it is."""

    slug = "malformed-multipart"
    title = "The form data is malformed"


class HeaderTooLarge(InvalidRequest):
    """The request line or the headers are longer than the limit."""

    slug = "header-too-large"
    title = "The request headers are too large"


class RequestTimedOut(InvalidRequest):
    """The request did not arrive in time."""

    slug = "request-timeout"
    title = "The request took too long to arrive"


class InvalidParameter(InvalidRequest):
    """A parameter is unknown, out of range, or contradicts another."""

    slug = "invalid-parameter"
    title = "A parameter is not valid"


class InvalidKey(InvalidRequest):
    """The key is missing or wrong."""

    slug = "invalid-key"
    title = "A valid key is needed"


class KeyNotEnough(InvalidRequest):
    """The key is right, and its scope does not reach as far as this."""

    slug = "key-not-enough"
    title = "The key does not allow this"


class ForbiddenOrigin(InvalidRequest):
    """The key is right, and the page that uses it is not of one of the key's origins."""

    slug = "forbidden-origin"
    title = "The key is not for this page"


class RateLimited(InvalidRequest):
    """More requests in a minute than the limit."""

    slug = "rate-limited"
    title = "Too many requests"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotFound(InvalidRequest):
    """There is nothing under this address or id."""

    slug = "not-found"
    title = "Not found"


class MethodNotAllowed(InvalidRequest):
    """The address exists, but not for this method."""

    slug = "method-not-allowed"
    title = "Method not allowed"


class WrongState(InvalidRequest):
    """What was asked for cannot be done to something in the state that it is in."""

    slug = "wrong-state"
    title = "Not possible in this state"


class Unavailable(LookalikeError):
    """The service cannot answer now; the same request may succeed after `retry_after_s`."""

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """The queue is full, or the wait in it was too long."""

    slug = "overloaded"
    title = "The service is busy"


class IndexNotReady(Unavailable):
    """No snapshot is loaded."""

    slug = "index-not-ready"
    title = "The index is not ready"


class NetworkError(LookalikeError):
    """The network cannot be used."""


class UnknownNetwork(NetworkError):
    """No network has this name."""

    slug = "unknown-network"
    title = "Unknown network"


class RuntimeNotAvailable(NetworkError):
    """The runtime that was asked for does not run on this machine."""

    slug = "runtime-not-available"
    title = "The runtime is not available"


class ParityFailed(NetworkError):
    """A runtime's embeddings differ too much from the float32 reference."""

    slug = "parity-failed"
    title = "The runtime differs from the reference"


class WeightsMissing(NetworkError):
    """The weights are neither on disk nor to be had."""

    slug = "weights-missing"
    title = "The network's weights are missing"


class WeightsCorrupt(NetworkError):
    """The weights file is truncated, damaged or not the one recorded."""

    slug = "weights-corrupt"
    title = "The weights file is damaged"


class WeightsUnsafe(NetworkError):
    """The weights file would run code when loaded; it was not loaded."""

    slug = "weights-unsafe"
    title = "The weights file is not safe to load"


class WeightsMismatch(NetworkError):
    """The weights belong to another architecture."""

    slug = "weights-mismatch"
    title = "The weights belong to another network"


class DownloadFailed(LookalikeError):
    """A download did not complete; what arrived is kept for resumption."""

    slug = "download-failed"
    title = "The download failed"


class DownloadRefused(DownloadFailed):
    """The server could not be reached or answered with an error."""

    slug = "download-refused"
    title = "The server did not give the file"


class DownloadTimedOut(DownloadFailed):
    """The server stalled, or the whole download exceeded its time."""

    slug = "download-timeout"
    title = "The download took too long"


class DownloadCorrupt(DownloadFailed):
    """What arrived does not have the expected hash; it was discarded."""

    slug = "download-corrupt"
    title = "The downloaded file is damaged"


class FetchFailed(LookalikeError):
    """A picture or a feed could not be had; the message names the server at most, never the whole address."""


class UrlNotAllowed(FetchFailed):
    """The address is not one that is asked, or it leads to one."""

    slug = "url-not-allowed"
    title = "The address is not allowed"


class UpstreamTimedOut(FetchFailed):
    """The server did not send everything in time."""

    slug = "upstream-timeout"
    title = "The other server took too long"


class UpstreamTooLarge(FetchFailed):
    """The server sends more bytes than are taken."""

    slug = "upstream-too-large"
    title = "The other server sends too much"


class UpstreamStatus(FetchFailed):
    """The server answered with something else than the file; `status` says with what."""

    slug = "upstream-status"
    title = "The other server did not give the file"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class UpstreamUnreachable(FetchFailed):
    """There is no such server, or none that accepts a connection."""

    slug = "upstream-unreachable"
    title = "The other server cannot be reached"


class UpstreamBroken(FetchFailed):
    """The answer broke off, or was not one that makes sense."""

    slug = "upstream-broken"
    title = "The other server's answer is broken"


class UpstreamGivenUp(FetchFailed):
    """The server kept failing, or asked for a long pause; it is not asked for now."""

    slug = "upstream-given-up"
    title = "The other server is not asked for now"


class SnapshotError(LookalikeError):
    """An index on disk cannot be used."""


class SnapshotMissing(SnapshotError):
    """There is no such snapshot, or none at all."""

    slug = "snapshot-missing"
    title = "There is no such snapshot"


class SnapshotCorrupt(SnapshotError):
    """A file of the snapshot is missing, truncated or changed."""

    slug = "snapshot-corrupt"
    title = "The snapshot is damaged"


class SnapshotIncompatible(SnapshotError):
    """The snapshot was made with another network or another format."""

    slug = "snapshot-incompatible"
    title = "The snapshot does not fit this installation"


class IndexingFailed(LookalikeError):
    """No new snapshot was published; the one that was live still is."""


class SourceMissing(IndexingFailed):
    """The source does not exist or cannot be read."""

    slug = "source-missing"
    title = "The source cannot be read"


class SourceEmpty(IndexingFailed):
    """The source holds no file or no product."""

    slug = "source-empty"
    title = "The source is empty"


class SourceInvalid(IndexingFailed):
    """The source is in no known format, is damaged, or breaks off; it says nothing about what it does not list."""

    slug = "source-invalid"
    title = "The source cannot be used"


class RemovalRefused(IndexingFailed):
    """A full statement would remove a large part of the catalogue."""

    slug = "removal-refused"
    title = "Too many products would be removed"


class TooManyFailures(IndexingFailed):
    """So many pictures could not be fetched that the new index would be worse than the old one."""

    slug = "too-many-failures"
    title = "Too many pictures could not be fetched"


class ImportUnfinished(IndexingFailed):
    """An earlier import stopped half-way; publishing the catalogue would show a part of it."""

    slug = "import-unfinished"
    title = "An import did not finish"


class NoReadableImage(IndexingFailed):
    """Not one file of the source could be read as an image."""

    slug = "no-readable-image"
    title = "No image could be read"


class AlreadyRunning(IndexingFailed):
    """Another process is indexing into the same data folder."""

    slug = "already-running"
    title = "Indexing is already running"


class VerificationFailed(IndexingFailed):
    """The new snapshot did not pass its checks and was not published."""

    slug = "verification-failed"
    title = "The new snapshot failed its checks"


class RelevanceTooLow(IndexingFailed):
    """The new snapshot finds less than the settings ask for, and was not published."""

    slug = "relevance-too-low"
    title = "The new index finds less than is wanted"


class JobLost(IndexingFailed):
    """A job's worker ended, again and again, without saying why."""

    slug = "job-lost"
    title = "The job was lost"


class TrainingFailed(LookalikeError):
    """Nothing was learned; what was learned before is still in use."""


class TooFewExamples(TrainingFailed):
    """There are not two categories with enough products to learn from and to test on."""

    slug = "too-few-examples"
    title = "There is too little to learn from"


class HeadUnusable(LookalikeError):
    """The file of learned categories is damaged, or belongs to another network."""

    slug = "head-unusable"
    title = "The learned categories cannot be used"


class DatabaseError(LookalikeError):
    """The catalogue database cannot be used."""


class DatabaseUnavailable(DatabaseError):
    """The database does not answer."""

    slug = "database-unavailable"
    title = "The database is not available"


class DatabaseCorrupt(DatabaseError):
    """The database file is damaged or no database at all."""

    slug = "database-corrupt"
    title = "The database is damaged"


class DatabaseTooNew(DatabaseError):
    """The database was upgraded by a newer Lookalike."""

    slug = "database-too-new"
    title = "The database is newer than this version"


class DatabaseTooOld(DatabaseError):
    """The database lacks migrations that this version needs."""

    slug = "database-too-old"
    title = "The database needs an upgrade"


class StorageError(LookalikeError):
    """The data folder cannot be read, or cannot take what has to be written."""


class DataDirNotReadable(StorageError):
    """A folder of the data folder cannot be looked into."""

    slug = "data-dir-not-readable"
    title = "The data folder cannot be read"


class DataDirNotWritable(StorageError):
    """The data folder cannot be created or written."""

    slug = "data-dir-not-writable"
    title = "The data folder cannot be written"


class DataDirBusy(StorageError):
    """Another process has kept a part of the data folder locked for longer than any that is at work."""

    slug = "data-dir-busy"
    title = "The data folder is locked"


class DiskFull(StorageError):
    """There is no space left for what has to be written."""

    slug = "disk-full"
    title = "The disk is full"


class PortInUse(LookalikeError):
    """Another program listens on the port."""

    slug = "port-in-use"
    title = "The port is in use"


class KeysMissing(LookalikeError):
    """Others can reach the service, and there is no key that they could use."""

    slug = "keys-missing"
    title = "There is no key yet"


class InvalidSetting(LookalikeError):
    """A setting has a value that cannot be used."""

    slug = "invalid-setting"
    title = "A setting is not valid"


class InternalError(LookalikeError):
    """What nobody foresaw; the cause is in the log under the request id."""

    slug = "internal-error"
    title = "Something went wrong on our side"
