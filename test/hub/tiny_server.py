"""The least that a hub takes for a user's server: answers every path. Starts in 0.1 s where jupyter_server needs 3."""

import http.server
import os
from urllib.parse import urlsplit


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
http.server.ThreadingHTTPServer((url.hostname or "127.0.0.1", url.port or 0), Handler).serve_forever()
