"""Scheduled backups.

times     a calendar event of systemd; its fields for cron; its next moment          calendar
escape    words and paths for unit files and for lines of cron                       escaping
describe  a service and a timer, hardened; a block of lines for cron                 units, crontab
install   write them, and have the system read them; find and remove them again      install
report    the last backup of each kind, and whether it is overdue                     due
"""
