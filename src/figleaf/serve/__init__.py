"""The HTTP service: the same verdicts over the network, in the order that a request goes through.

`server` (sockets, signals) -> `protocol` (slow and oversized headers) -> `app` (routes) -> `keys`
-> `bodies` and `multipart` (caps while streaming) -> `engine` (lists, cache, `decoding` in worker
processes, `batching`) -> `formats` -> the answer; `problems` where there is none.
"""
