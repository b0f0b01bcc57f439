"""What the ledger's own words mean, in every language: reasons, states, outcomes, tables."""

from collections.abc import Mapping
from types import MappingProxyType

from figleaf.dataset.labelling import AUDIT, LIKENESS, OUTLIERS, SCREEN
from figleaf.dataset.quarantine import Quarantine
from figleaf.dataset.records import Reason, State
from figleaf.labels import Language
from figleaf.report.texts import LANGUAGES

_REASONS = {
    Reason.DENIED: ("its list or name has a denied word", "목록이나 이름에 금지어가 있음"),
    Reason.UNMAPPED: (
        "its category belongs to no class",
        "카테고리가 어느 클래스에도 대응하지 않음",
    ),
    Reason.NOT_PUBLIC: ("its address is not public", "공개 주소가 아님"),
    Reason.BAD_URL: ("not a URL that can be fetched", "내려받을 수 있는 URL이 아님"),
    Reason.ROBOTS: ("robots.txt asks not to", "robots.txt가 허용하지 않음"),
    Reason.NO_AI: ("X-Robots-Tag asks not to use it", "X-Robots-Tag가 사용을 허용하지 않음"),
    Reason.BLOCKLISTED: ("its hash is on a blocklist", "해시가 차단 목록에 있음"),
    Reason.MOVING: ("a moving picture, frames not taken", "움직이는 그림이며 프레임을 뽑지 않음"),
    Reason.NO_SUCH_HOST: ("the host does not exist", "없는 호스트"),
    Reason.DNS: ("the host could not be looked up", "호스트 주소를 찾을 수 없음"),
    Reason.CONNECT: ("no connection", "연결할 수 없음"),
    Reason.TLS: ("no secure connection", "보안 연결 실패"),
    Reason.TIMEOUT: ("not done before the deadline", "제한 시간 초과"),
    Reason.DISCONNECTED: ("the connection ended early", "도중에 연결이 끊김"),
    Reason.BAD_ANSWER: ("not HTTP that is understood", "이해할 수 없는 HTTP 응답"),
    Reason.REDIRECTS: ("too many redirects", "리디렉션이 너무 많음"),
    Reason.GONE: ("HTTP 404 or 410", "HTTP 404 또는 410"),
    Reason.FORBIDDEN: ("HTTP 401, 402, 403 or 451", "HTTP 401, 402, 403 또는 451"),
    Reason.RATE_LIMITED: ("HTTP 429", "HTTP 429"),
    Reason.SERVER_ERROR: ("HTTP 5xx", "HTTP 5xx"),
    Reason.HTTP_STATUS: ("another HTTP status than 200", "200이 아닌 다른 HTTP 상태"),
    Reason.NOT_FOUND: ("no such file", "없는 파일"),
    Reason.UNREADABLE: ("the file cannot be read", "읽을 수 없는 파일"),
    Reason.EMPTY: ("no bytes", "빈 파일"),
    Reason.TOO_FEW_BYTES: ("fewer bytes than are wanted", "바이트 수가 하한보다 적음"),
    Reason.TOO_MANY_BYTES: ("more bytes than the limit", "바이트 수가 상한을 넘음"),
    Reason.TOO_MANY_PIXELS: ("more pixels than the limit", "픽셀 수가 상한을 넘음"),
    Reason.NOT_AN_IMAGE: ("not an image by its content", "내용이 이미지가 아님"),
    Reason.UNSUPPORTED: ("a format that is not decoded", "지원하지 않는 형식"),
    Reason.TRUNCATED: ("ends before its last pixel", "이미지가 도중에 끝남"),
    Reason.CORRUPT: ("damaged", "손상됨"),
    Reason.DECODE_TIMEOUT: ("decoding took too long", "디코딩 제한 시간 초과"),
    Reason.CRASHED: ("the decoder died", "디코더가 비정상 종료됨"),
}
_QUARANTINE = {
    Quarantine.DENIED: ("its list came to be denied", "목록이 나중에 금지됨"),
    Quarantine.BLOCKLISTED: ("found on a blocklist later", "나중에 차단 목록에서 발견됨"),
    Quarantine.UNCHECKED: ("not compared with a blocklist", "차단 목록과 대조하지 못함"),
    Quarantine.BROKEN: ("file gone, altered or damaged", "파일이 없거나 바뀌었거나 손상됨"),
    Quarantine.PLACEHOLDER: ("sent in place of what was deleted", "삭제된 그림 대신 온 자리 표시"),
    Quarantine.TOO_SMALL: ("fewer pixels than are wanted", "너무 작음"),
    Quarantine.TOO_LARGE: ("more pixels than are wanted", "너무 큼"),
    Quarantine.ASPECT_RATIO: ("a banner or a strip", "배너나 띠 모양"),
    Quarantine.SINGLE_COLOUR: ("nothing but one colour", "한 가지 색뿐임"),
    Quarantine.LABEL_CONFLICT: ("filed under several classes", "여러 클래스에 들어 있음"),
    Quarantine.DUPLICATE: ("there already, as a better file", "더 나은 파일로 이미 있음"),
    Quarantine.SCREENED: ("not of its class, says a model", "모델이 그 클래스가 아니라고 판정함"),
}  # fmt: skip  # one line each


_STATES = {
    State.PENDING: ("pending", "대기"),
    State.FETCHED: ("fetched", "수집됨"),
    State.REFUSED: ("refused", "거부됨"),
    State.FAILED: ("failed", "실패"),
}
_OUTCOMES = {
    "done": ("done", "완료"),
    "interrupted": ("interrupted", "중단됨"),
    "cut short": ("cut short", "도중에 끊김"),
}
_DOUBTERS = {
    SCREEN: ("by classes", "클래스 점수로"),
    LIKENESS: ("by features", "특징 벡터로"),
    AUDIT: ("by the audit, labels", "레이블 점검"),
    OUTLIERS: ("by the audit, distances", "거리 점검"),
}
_ROWS = {
    "items": ("items", "항목"),
    "images": ("images", "이미지"),
    "listings": ("listings", "목록"),
    "mentions": ("mentions", "목록의 언급"),
    "labels": ("labels", "레이블 기록"),
    "quarantines": ("quarantines", "격리 기록"),
    "runs": ("runs", "실행"),
}


def _by_name(
    meanings: Mapping[Reason, tuple[str, str]]
    | Mapping[Quarantine, tuple[str, str]]
    | Mapping[State, tuple[str, str]]
    | Mapping[str, tuple[str, str]],
) -> Mapping[str, Mapping[Language, str]]:
    return MappingProxyType(
        {str(key): dict(zip(LANGUAGES, both, strict=True)) for key, both in meanings.items()}
    )


LOSSES = _by_name(_REASONS)
"""Reason -> language -> what it means."""
SET_ASIDE = _by_name(_QUARANTINE)
"""Reason for setting an image aside -> language -> what it means."""

STATES = _by_name(_STATES)
"""State of an item -> language -> what it is called."""
OUTCOMES = _by_name(_OUTCOMES)
"""How a run ended -> language -> what that is called."""
DOUBTERS = _by_name(_DOUBTERS)
"""Who doubts an image -> language -> how it was found."""
ROWS = _by_name(_ROWS)
"""Table of the ledger -> language -> what its rows are."""


def called(glossary: Mapping[str, Mapping[Language, str]], name: str, language: Language) -> str:
    """What something is called; what it is called in the ledger where nothing else is known."""
    return glossary.get(name, {}).get(language, name)


def meaning(glossary: Mapping[str, Mapping[Language, str]], name: str, language: Language) -> str:
    """What a reason means; empty for one that another figleaf wrote."""
    return glossary.get(name, {}).get(language, "")
