"""The files in var/backups.

name     kind and time in Magento's form                           names
describe a manifest beside each backup; remarks of people          manifest, remarks, edit_remarks
list     sets; unfinished files; other files                       catalog
left     unfinished files are found and deleted                    unfinished
verify   read a backup from end to end                             verification
         without a manifest: keep the finding in the state         verification_records
find     the index beside a backup, or one made again              index, archive_index, dump_index
retain   decide the sets that the rules keep, by a trusted clock   retention, duration, clock
"""
