"""Serves endpoint slices in the version v1 for a kube-apiserver 1.20, which has them in v1beta1 only.

It stands behind the server's own aggregation: the server asks it for `/apis/discovery.k8s.io/v1`, and it asks the server
for the same in v1beta1, as whoever the token is. Arguments: its port, the server's port, the token, its certificate
and key.
"""
import http.client
import http.server
import json
import socketserver
import ssl
import sys

PORT, SERVER, TOKEN, CERTIFICATE, KEY = sys.argv[1:6]
NEW, OLD = "/apis/discovery.k8s.io/v1", "/apis/discovery.k8s.io/v1beta1"
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def to_new(thing):
    """An object, a list of them, or what the group has, from v1beta1 to v1."""
    if thing.get("kind") == "APIResourceList":
        thing["groupVersion"] = NEW.removeprefix("/apis/")
        return thing
    for one in [thing] + (thing.get("items") or []):
        if "apiVersion" in one:
            one["apiVersion"] = NEW.removeprefix("/apis/")
        for endpoint in one.get("endpoints") or []:
            topology = endpoint.pop("topology", None) or {}
            if HOST in topology:
                endpoint.setdefault("nodeName", topology.pop(HOST))
            if ZONE in topology:
                endpoint["zone"] = topology.pop(ZONE)
            if topology:
                endpoint["deprecatedTopology"] = topology
    return thing


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        path = self.path
        if path == NEW or path.startswith((NEW + "/", NEW + "?")):
            path = OLD + path[len(NEW):]
        context = ssl._create_unverified_context()
        server = http.client.HTTPSConnection("127.0.0.1", int(SERVER), context=context)
        server.request("GET", path, headers={"Authorization": "Bearer " + TOKEN, "Accept": "application/json"})
        answer = server.getresponse()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        if "watch=" in path and answer.status == 200:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in answer:
                event = json.loads(line)
                if event["type"] != "ERROR":
                    to_new(event["object"])
                self.chunk(json.dumps(event).encode() + b"\n")
            self.chunk(b"")
        else:
            body = answer.read()
            if answer.status == 200 and body.startswith(b"{"):
                body = json.dumps(to_new(json.loads(body))).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        server.close()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
        self.wfile.flush()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


listening = Server(("127.0.0.1", int(PORT)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
listening.serve_forever()
