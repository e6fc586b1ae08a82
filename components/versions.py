"""Every version that the program pins, in one place.

Images carry a tag; what CI builds is deployed by digest through `images` of the stack's settings.
"""

CERT_MANAGER = "1.21.2"
CERT_MANAGER_CHART = "oci://quay.io/jetstack/charts/cert-manager"

TRAEFIK_IMAGE = "docker.io/library/traefik:v3.6.12"
VALKEY_IMAGE = "docker.io/valkey/valkey:8.1.4"
PEBBLE_IMAGE = "ghcr.io/letsencrypt/pebble:2.10.1"

ACME_SERVERS = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "pebble": "https://pebble.pebble.svc:14000/dir",
}
