"""An RTSP server of GStreamer.

Usage: gst-rtsp-server.py, with one line of JSON on standard input:
  {"mounts": {"/path": {"launch": "( … )", "login": "none" | "basic" | "digest"}}}

Serves on a free port of 127.0.0.1, which it writes to standard output. User and password are "viewer" and "p@ss/1".
Ends with its standard input.
"""

import json
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

USER, PASSWORD = "viewer", "p@ss/1"


def protect(server, factories, methods):
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(methods)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
    auth.add_digest(USER, PASSWORD, token)
    server.set_auth(auth)
    for factory in factories:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)


def main():
    Gst.init(None)
    spec = json.loads(sys.stdin.readline())
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factories = []
    for path, launch in spec["mounts"].items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(False)
        server.get_mount_points().add_factory(path, factory)
        factories.append(factory)
    methods = {"basic": GstRtsp.RTSPAuthMethod.BASIC, "digest": GstRtsp.RTSPAuthMethod.DIGEST}
    if spec["login"] in methods:
        protect(server, factories, methods[spec["login"]])
    if server.attach(None) == 0:
        sys.exit("the server could not be attached")
    # Sessions that ended are only forgotten when somebody looks.
    GLib.timeout_add_seconds(1, lambda: server.get_session_pool().cleanup() >= 0)
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, lambda *_: loop.quit())
    print(server.get_bound_port(), flush=True)
    loop.run()


main()
