"""A whole JupyterHub on loopback, for `npm start -- --hub` and the end-to-end tests.

    jupyterhub -f local_hub_config.py

Everything that differs between two runs is an environment variable:

    HUBFORGE_HUB_DIR          database, cookie secret, outbox, homes (must exist)
    HUBFORGE_HUB_PORT         where people go
    HUBFORGE_HUB_API_PORT     the hub itself; HUBFORGE_HUB_PROXY_PORT the proxy's API
    HUBFORGE_HUB_PROXY        the configurable-http-proxy command
    HUBFORGE_INGRESS_URL, HUBFORGE_SECRET, HUBFORGE_WORKSPACES_URL and the rest of hubforge's own (README.md);
                              without HUBFORGE_INGRESS_URL the hub runs without hubforge, to measure against
    HUBFORGE_HUB_READY_WAIT, HUBFORGE_HUB_RECONCILE   seconds (5, 180)
    LDAP_URLS, LDAP_BIND_DN, LDAP_BIND_PASSWORD, LDAP_USER_SEARCH_BASE, LDAP_USER_ATTRIBUTE, LDAP_FULLNAME_ATTRIBUTE,
    LDAP_EMAIL_ATTRIBUTE, LDAP_ALLOWED_GROUPS, LDAP_ADMIN_USERS   as the functions have them; without LDAP_URLS any
                              name signs in with any password. LDAPAuthenticator looks into the allowed groups
                              as the person: the directory must let people read them
    HUBFORGE_HUB_TOKEN        API token of a service that may do everything, to drive the hub in tests
    HUBFORGE_HUB_SPAWNER      a spawner class instead of SimpleLocalProcessSpawner ("module.Class")
    HUBFORGE_HUB_COMMAND      JSON list instead of ["jupyterhub-singleuser"]
    HUBFORGE_HUB_CLEANUP      "false": stopping the hub leaves the servers running, as on Kubernetes
    HUBFORGE_HUB_POLL         seconds between two looks at a server's process (30)
    HUBFORGE_HUB_HTTP_TIMEOUT, HUBFORGE_HUB_START_TIMEOUT   seconds (30, 60)
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  JupyterHub puts it there
environ = os.environ
folder = Path(environ["HUBFORGE_HUB_DIR"]).absolute()
full_name_attribute = environ.get("LDAP_FULLNAME_ATTRIBUTE") or "cn"
email_attribute = environ.get("LDAP_EMAIL_ATTRIBUTE") or "mail"


def number(name: str, default: float) -> float:
    return float(environ.get(name) or default)


c.JupyterHub.bind_url = f"http://127.0.0.1:{environ['HUBFORGE_HUB_PORT']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{environ['HUBFORGE_HUB_API_PORT']}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{environ['HUBFORGE_HUB_PROXY_PORT']}"
c.ConfigurableHTTPProxy.command = [environ["HUBFORGE_HUB_PROXY"]]
c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(folder / "cookie_secret")
c.JupyterHub.allow_named_servers = True
c.JupyterHub.cleanup_servers = environ.get("HUBFORGE_HUB_CLEANUP") != "false"
c.JupyterHub.concurrent_spawn_limit = 0

c.JupyterHub.spawner_class = environ.get("HUBFORGE_HUB_SPAWNER") or "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "homes" / "{username}")
c.Spawner.notebook_dir = "~"
c.Spawner.cmd = json.loads(environ.get("HUBFORGE_HUB_COMMAND") or '["jupyterhub-singleuser"]')
# JupyterLab would ask the world for newer versions of itself.
c.Spawner.args = ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
c.Spawner.args += ["--allow-root"] if os.getuid() == 0 else []
c.Spawner.poll_interval = int(number("HUBFORGE_HUB_POLL", 30))
c.Spawner.http_timeout = int(number("HUBFORGE_HUB_HTTP_TIMEOUT", 30))
c.Spawner.start_timeout = int(number("HUBFORGE_HUB_START_TIMEOUT", 60))

c.Authenticator.enable_auth_state = bool(environ.get("JUPYTERHUB_CRYPT_KEY"))
c.Authenticator.admin_users = set(json.loads(environ.get("LDAP_ADMIN_USERS") or "[]"))
if environ.get("LDAP_URLS"):
    server = urlsplit(re.findall(r"ldaps?://[^\s,\"\]]+", environ["LDAP_URLS"])[0])  # LDAPAuthenticator takes one
    c.JupyterHub.authenticator_class = "ldap"
    ldap = c.LDAPAuthenticator
    ldap.server_address = server.hostname
    ldap.server_port = server.port or 389
    ldap.tls_strategy = "on_connect" if server.scheme == "ldaps" else "insecure"
    ldap.lookup_dn = True
    ldap.lookup_dn_search_user = environ["LDAP_BIND_DN"]
    ldap.lookup_dn_search_password = environ["LDAP_BIND_PASSWORD"]
    ldap.user_search_base = environ["LDAP_USER_SEARCH_BASE"]
    ldap.user_attribute = environ.get("LDAP_USER_ATTRIBUTE") or "uid"
    ldap.lookup_dn_user_dn_attribute = full_name_attribute
    ldap.use_lookup_dn_username = False
    ldap.auth_state_attributes = [ldap.user_attribute, full_name_attribute, email_attribute]
    groups = json.loads(environ.get("LDAP_ALLOWED_GROUPS") or "[]")
    if groups:
        ldap.allowed_groups = groups
    else:
        c.Authenticator.allow_all = True
else:
    c.JupyterHub.authenticator_class = "dummy"
    c.Authenticator.allow_all = True

if environ.get("HUBFORGE_HUB_TOKEN"):
    scopes = ["admin:users", "admin:servers", "list:users", "tokens", "admin:server_state", "shutdown", "read:hub"]
    c.JupyterHub.services = [{"name": "driver", "api_token": environ["HUBFORGE_HUB_TOKEN"]}]
    c.JupyterHub.load_roles = [{"name": "driver", "services": ["driver"], "scopes": scopes}]

if environ.get("HUBFORGE_INGRESS_URL"):
    from hubforge_hub import install

    install(
        c,
        outbox=environ.get("HUBFORGE_OUTBOX") or str(folder / "hubforge.sqlite"),
        full_name_attribute=full_name_attribute,
        email_attribute=email_attribute,
        ready_wait_seconds=number("HUBFORGE_HUB_READY_WAIT", 5),
        reconcile_seconds=number("HUBFORGE_HUB_RECONCILE", 180),
    )
