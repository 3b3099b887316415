"""Shares: files that are too large for an answer, put into a bucket and lent by an address that works for a while."""

from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LENT_S: Final = 900
"""Seconds that an address works. It needs no key: who has it may read."""

PREFIX: Final = "exports/"
"""Where they lie; the template's bucket forgets them after a day."""


class S3Shares:
    """A bucket of S3."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """client: boto3's."""
        self._client = client
        self._bucket = bucket

    def lend(self, name: str, content: IO[bytes], *, content_type: str) -> str:
        """Put a file into the bucket, over one of that name, and give an address of it."""
        key = f"{PREFIX}{name}"
        self._client.upload_fileobj(content, self._bucket, key, ExtraArgs={"ContentType": content_type})
        place = {"Bucket": self._bucket, "Key": key}
        return self._client.generate_presigned_url("get_object", Params=place, ExpiresIn=LENT_S)
