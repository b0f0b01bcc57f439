"""The page in the browser: its files, a site made of them and of bundles, a folder to host.

`assets` (where the files are) -> `files` (names, types, hashes) -> `site` (with models and
policies) -> `export` (a folder), or `figleaf.serve.page`.
"""
