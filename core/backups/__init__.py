"""The files in var/backups.

name     kind and time in Magento's form                           names
describe a manifest beside each backup                             manifest
list     sets of one timestamp; unfinished files; other files         catalog
verify   read a backup from end to end                             verification
"""
