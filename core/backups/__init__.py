"""The files in var/backups: names, manifests, the catalog."""
