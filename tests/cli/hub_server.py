"""A server on this machine that answers as the Hugging Face Hub does, with two ports: the Hub and the storage that it sends large files to.

Hub(models).hub is its address. `models` maps "ORG/NAME" to {file: bytes}; files of `large` bytes and more lie in the storage. What else it does is said by `trouble`: a
function of (name, file) that returns None or one of the words below. `seen` lists the requests: (port's role, method, path, Range, Authorization)."""
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


def commit_of(files):
    return hashlib.sha1(repr(sorted((n, hashlib.sha1(b).hexdigest()) for n, b in files.items())).encode()).hexdigest()


def git_blob(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # whoever asks may go away


class Hub:
    def __init__(self, models, large=4096):
        self.models, self.large, self.seen, self.trouble = models, large, [], lambda name, file: None
        self.servers = [Server(("127.0.0.1", 0), self.handler(role)) for role in ("hub", "storage")]
        self.hub, self.storage = (f"http://127.0.0.1:{server.server_port}" for server in self.servers)
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def files_asked(self, role):
        return [path.rsplit("/", 1)[-1] for r, method, path, _, _ in self.seen if r == role and method == "GET" and "/api/" not in path]

    def handler(hub, role):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for key, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(key.replace("_", "-"), value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_HEAD(self):
                self.do_GET()

            def do_GET(self):
                hub.seen.append((role, self.command, self.path, self.headers.get("Range"), self.headers.get("Authorization")))
                parts = [unquote(p) for p in self.path.strip("/").split("/")]
                if role == "storage":
                    return self.content(hub.models[f"{parts[0]}/{parts[1]}"][parts[2]], hub.trouble("/".join(parts[:2]), parts[2]))
                if parts[:2] == ["api", "models"]:
                    return self.revision("/".join(parts[2:4]), parts[5])
                return self.file("/".join(parts[:2]), parts[-2], parts[-1])

            def revision(self, name, revision):
                word = hub.trouble(name, "")
                if word == "gated":
                    return self.answer(403, X_Error_Code="GatedRepo")
                if word == "login":
                    return self.answer(401, X_Error_Code="GatedRepo")
                if word == "unknown":
                    return self.answer(401, X_Error_Code="RepoNotFound")
                if word == "page":
                    return self.answer(200, b"<html>Welcome</html>")
                if word == "down":
                    return self.answer(503)
                if word == "often":
                    return self.answer(429)
                if name not in hub.models:
                    return self.answer(404, X_Error_Code="RepoNotFound")
                files = hub.models[name]
                if revision not in ("main", "refs/pr/1", commit_of(files)):
                    return self.answer(404, X_Error_Code="RevisionNotFound")
                self.answer(200, json.dumps({"id": name, "sha": commit_of(files), "siblings": [{"rfilename": f} for f in files]}).encode())

            def file(self, name, commit, file):
                content = hub.models[name].get(file)
                word = hub.trouble(name, file)
                if content is None or commit != commit_of(hub.models[name]):
                    return self.answer(404, X_Error_Code="EntryNotFound")
                if word == "gated":
                    return self.answer(403, X_Error_Code="GatedRepo")
                if len(content) < hub.large:
                    if self.command == "HEAD":
                        self.send_response(200)
                        for key, value in (("ETag", f'"{git_blob(content)}"'), ("Content-Length", str(len(content))), ("X-Repo-Commit", commit)):
                            self.send_header(key, value)
                        return self.end_headers()
                    return self.content(content, word)
                digest = hashlib.sha256(content).hexdigest()
                size = len(content) if word != "huge" else 10**15
                self.answer(302, Location=f"{hub.storage}/{name}/{file}", X_Linked_Etag=f'"{digest}"', X_Linked_Size=str(size), ETag='"something else"')

            def content(self, content, word):
                if word == "damaged":
                    content = content[:-1] + bytes([content[-1] ^ 1])
                first, asked = 0, self.headers.get("Range")
                if asked and word != "no ranges":
                    first = int(asked.removeprefix("bytes=").rstrip("-"))
                self.send_response(206 if first else 200)
                self.send_header("Content-Length", str(len(content) - first))
                self.end_headers()
                rest = content[first:]
                if word == "stuck":  # sends nothing
                    self.close_connection = True
                    return
                if word == "short":
                    self.wfile.write(rest[:len(rest) // 2])
                    self.close_connection = True
                    return
                if word == "slow":
                    self.wfile.write(rest[:len(rest) // 2])
                    self.wfile.flush()
                    time.sleep(30)
                    return
                self.wfile.write(rest)

        return Handler
