"""What whoever hosts the page should send with it, and does, where figleaf does."""

from collections.abc import Mapping

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        # WebAssembly is compiled; no text is ever run as a script.
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self' blob:",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

ISOLATION: Mapping[str, str] = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
}
"""With these a page is cross-origin isolated, and WebAssembly may use threads."""

HEADERS: Mapping[str, str] = {
    **ISOLATION,
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""With every file of the page."""


def headers_file() -> str:
    """A file `_headers`, by which Netlify, Cloudflare Pages and others send the headers."""
    lines = [f"  {title_of(name)}: {value}" for name, value in HEADERS.items()]
    return "\n".join(("/*", *lines, "  Cache-Control: no-cache", ""))


def title_of(name: str) -> str:
    """A header's name as people write it."""
    return "-".join(word.capitalize() for word in name.split("-"))
